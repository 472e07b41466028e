import './base.css';
import './forms.css';
import './sidebar.css';
import './run.css';
import './run-timeline.css';
import './prompts.css';
import './home.css';
import './notebook.css';
