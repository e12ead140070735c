/** A bundle that can't be used; the message is one sentence that says why. */
export class BundleError extends Error {}
