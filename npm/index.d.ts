/** The package's version. */
export const version: string;
/** The same as loading `autopsy-node/register`. */
export function register(): void;
