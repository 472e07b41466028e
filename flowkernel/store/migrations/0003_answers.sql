-- Messages can have a form, and be answered.
ALTER TABLE message ADD COLUMN status VARCHAR DEFAULT 'NOTE';
ALTER TABLE message ALTER COLUMN status SET NOT NULL;
ALTER TABLE message ADD COLUMN body JSON;
ALTER TABLE message ADD COLUMN call_key VARCHAR;
ALTER TABLE message ADD COLUMN about_id UUID;
ALTER TABLE message ADD COLUMN expires_at TIMESTAMP;
ALTER TABLE message ADD COLUMN response JSON;
ALTER TABLE message ADD COLUMN answered_by VARCHAR;
ALTER TABLE message ADD COLUMN answered_from VARCHAR;
ALTER TABLE message ADD COLUMN answered_at TIMESTAMP;
ALTER TABLE message ADD COLUMN closed_at TIMESTAMP;
ALTER TABLE message ADD COLUMN closed_why VARCHAR;
