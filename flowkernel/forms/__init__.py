"""The forms of messages, wherever they are shown: fields, checks, texts, dialogues."""
