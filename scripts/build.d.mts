/** Bundles all that is shipped into dist/. */
export function buildAll(): Promise<void>;
/** Bundles the same into another folder, which is made if need be. */
export function bundleInto(folder: string): Promise<void>;
