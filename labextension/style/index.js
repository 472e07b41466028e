import './base.css';
import './forms.css';
import './sidebar.css';
import './run.css';
