declare const programs: Record<string, (transformers: unknown) => Promise<unknown>>;
export = programs;
