export declare function shapeOf(value: unknown): unknown;
