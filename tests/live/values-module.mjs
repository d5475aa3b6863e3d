// The module whose namespace values.js holds.
export const number = 1;
export let text = 'exported';
export function call() {}
export default class Thing {}
