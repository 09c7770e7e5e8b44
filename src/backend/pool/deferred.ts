/** A promise that is settled from elsewhere. */

export interface Deferred<Result> {
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<Result>(): Deferred<Result> {
  let settle: Omit<Deferred<Result>, 'promise'> = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<Result>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
