/** A promise's end as a value, for races in which a rejection is one of the answers. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Never rejects. */
export function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}
