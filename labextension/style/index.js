import './base.css';
import './forms.css';
import './sidebar.css';
