export interface PanicOptions {
  /** End with SIGABRT, for a core, instead of exit code 1. */
  abortOnPanic?: boolean;
  /** Write no `ncore.PID`. */
  skipDump?: boolean;
  /** false: secret-looking values of the environment and the command line are written as they are. */
  maskSecrets?: boolean;
}

export class caDebugState {
  /** Registers a value under a key, replacing the one before. */
  set(key: string, value: unknown): void;
  /** Registers a value under `base` and a number that was never used before; returns the key. */
  add(base: string, value: unknown): string;
  remove(key: string): void;
  /** The state as JSON. */
  dump(): string;
}

/** From now on an uncaught exception panics. */
export function enablePanicOnCrash(options?: PanicOptions): void;
/** Writes the dump and ends the process. */
export function panic(message: string, error?: unknown): never;
/** Writes the dump alone; for tests. */
export function caPanicSave(filename: string): void;

declare global {
  var panicDbg: caDebugState;
  var caPanic: typeof panic;
}
