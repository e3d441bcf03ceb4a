import htm from 'htm';
import { type ComponentChild, h, type VNode } from 'preact';

/** What a component may give. */
export type View = ComponentChild;

const bound = htm.bind(h as (type: unknown, props: object | null, ...children: unknown[]) => VNode);

/** Markup as a template literal: text in it is text, never markup. */
export const html = bound as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
