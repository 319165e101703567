'use strict';

/**
 * What a result is made of: types, dimensions, keys, lengths. What texts and numbers say is not in it.
 * @param {unknown} value
 * @returns {unknown}
 */
function shapeOf(value) {
  if (value === null || value === undefined) return String(value);
  if (isTensor(value)) return `Tensor ${value.type} [${value.dims}]`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${value.length}`;
  if (Array.isArray(value))
    return value.length > 12 ? { length: value.length, of: shapeOf(value[0]) } : value.map(shapeOf);
  if (typeof value === 'object')
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [key, shapeOf(value[key])]),
    );
  return typeof value;
}

function isTensor(value) {
  return typeof value === 'object' && 'dims' in value && 'tolist' in value;
}

module.exports = { shapeOf };
