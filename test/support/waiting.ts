/** Rejects in words when something doesn't come; a busy machine may take its time. */
export async function withTimeLimit<T>(awaited: Promise<T>, what: () => string, limitMs = 60_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${limitMs / 1000} s for ${what()}`)), limitMs);
  });
  try {
    return await Promise.race([awaited, limit]);
  } finally {
    clearTimeout(timer);
  }
}
