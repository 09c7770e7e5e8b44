/** Work that must not run side by side: one task to a lane at a time, in the order of the calls, so that none starves. */

export class Lanes {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs the task when every earlier one of its lane has ended. An aborted signal takes a waiting task back. */
  run<Result>(lane: string, signal: AbortSignal, task: () => Promise<Result>): Promise<Result> {
    const result = (this.last.get(lane) ?? Promise.resolve()).then(() => {
      signal.throwIfAborted();
      return task();
    });
    // The caller sees the rejection; the next in the lane runs all the same.
    const ended = result.catch(() => undefined);
    this.last.set(lane, ended);
    void ended.then(() => {
      if (this.last.get(lane) === ended) this.last.delete(lane);
    });
    return result;
  }
}
