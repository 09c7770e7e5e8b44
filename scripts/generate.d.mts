export declare const AJV_OPTIONS: Readonly<Record<string, boolean>>;

/** Resolves to whether anything was made anew. */
export declare function generate(): Promise<boolean>;
