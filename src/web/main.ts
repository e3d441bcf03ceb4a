import { render } from 'preact';
import { html } from './html.ts';
import { App } from './views/app.ts';

const root = document.getElementById('page') as HTMLElement;
root.textContent = '';
render(html`<${App} />`, root);
