/** Random numbers of both sides, held against each other: each tensor roughly, all of one kind together closely. */

const kinds = new Map();

function momentsOf(values) {
  let [sum, squares, fourths, zeros] = [0, 0, 0, 0];
  for (const v of values) {
    sum += v;
    squares += v * v;
    fourths += v ** 4;
    if (v === 0) zeros++;
  }
  return { n: values.length, sum, squares, fourths, zeros };
}

/**
 * What is wrong with `ours`, numbers of one tensor that stand for `theirs`; null when nothing is.
 * @param kind - under which they count together
 */
function compareDrawn(kind, ours, theirs) {
  const isConstant = theirs.every((v) => v === theirs[0]);
  if (isConstant && (theirs[0] === 0 || theirs[0] === 1))
    return ours.every((v) => v === theirs[0]) ? null : `all ${theirs[0]} there, ${ours[0]}… here`;
  for (let i = 0; i < ours.length; i++)
    if (!Number.isFinite(ours[i]) || (ours[i] === 0) !== (theirs[i] === 0))
      return `${theirs[i]} there, ${ours[i]} here`;
  const [a, b] = [momentsOf(ours), momentsOf(theirs)];
  const known = kinds.get(kind) ?? { ours: momentsOf([]), theirs: momentsOf([]), tensors: 0 };
  for (const name of Object.keys(a)) {
    known.ours[name] += a[name];
    known.theirs[name] += b[name];
  }
  known.tensors++;
  kinds.set(kind, known);
  const drawn = a.n - a.zeros;
  const ratio = Math.log(a.squares / b.squares) / 2;
  // Of n normal numbers the logarithm of the deviation spreads by 1/√(2n), on both sides.
  if (drawn >= 8 && Math.abs(ratio) > 7 / Math.sqrt(drawn) + (drawn < 30 ? 1 : 0))
    return `deviations differ ${Math.exp(ratio)} times`;
  const spread = Math.sqrt(b.squares / b.n);
  if (
    Math.abs(a.sum / a.n - b.sum / b.n) >
    (7 * Math.SQRT2 * Math.max(spread, Math.sqrt(a.squares / a.n))) / Math.sqrt(a.n)
  )
    return `means ${b.sum / b.n} there, ${a.sum / a.n} here`;
  return null;
}

/** All kinds: [kind, tensors, numbers, deviation here by theirs, kurtosis here and there, how many errors away]. */
function kindsSeen() {
  return [...kinds].map(([kind, { ours, theirs, tensors }]) => {
    const deviation = ({ squares, n, zeros }) => Math.sqrt(squares / (n - zeros));
    const kurtosis = ({ squares, fourths, n, zeros }) => (fourths * (n - zeros)) / squares ** 2;
    const n = ours.n - ours.zeros;
    const ratio = deviation(ours) / deviation(theirs);
    const [k, l] = [kurtosis(ours), kurtosis(theirs)];
    // Var(log s) = (kurtosis − 1) / 4n on each side; sequences mix deviations, so that numbers are no single draw's.
    const away = Math.abs(Math.log(ratio)) / Math.sqrt((k + l - 2) / (4 * n));
    return { kind, tensors, n, ratio, kurtosis: [k, l], away };
  });
}

const steadiness = { float32: 2 ** -23, float16: 2 ** -10, bfloat16: 2 ** -7 };

/** Tables of which one side could draw around the mean, and the other could not. */
const singular = { count: 0 };

/**
 * The smallest pivot of the covariance's Cholesky factor, squared, by the variance of its column: where it is no larger than
 * rounding in float32, rounding decides whether there is a factor.
 */
function smallestPivot(table, width) {
  const rows = table.length / width;
  const means = Array.from(
    { length: width },
    (_, j) => table.reduce((s, v, i) => (i % width === j ? s + v : s), 0) / rows,
  );
  const covariance = (j, k) => {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += (table[r * width + j] - means[j]) * (table[r * width + k] - means[k]);
    return sum / rows;
  };
  const factor = [];
  let smallest = 1;
  for (let j = 0; j < width; j++) {
    factor.push([]);
    for (let k = 0; k <= j; k++) {
      let rest = covariance(j, k);
      for (let l = 0; l < k; l++) rest -= factor[j][l] * factor[k][l];
      if (k < j) factor[j].push(rest / factor[k][k]);
      else {
        smallest = Math.min(smallest, rest / covariance(j, j));
        if (!(smallest > 0)) return 0;
        factor[j].push(Math.sqrt(rest));
      }
    }
  }
  return smallest;
}

/** Rows around the mean of the old ones, or numbers around a bias' mean. */
function aroundMean(family) {
  return ({ dims, dtype, name }, ours, theirs, old) => {
    const width = dims.slice(1).reduce((n, d) => n * d, 1);
    const rows = old.length / width;
    const column = (j) => old.filter((_, i) => i % width === j);
    const z = [[], []];
    for (let j = 0; j < width; j++) {
      const values = column(j);
      const mean = values.reduce((s, v) => s + v, 0) / rows;
      const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / rows);
      // A table spreads by the root of what its covariance is multiplied with, a bias by the number itself.
      const spread = (width === 1 && dims.length === 1 ? 1e-9 : Math.sqrt(1e-9)) * deviation;
      const magnitude = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const slack =
        steadiness[dtype] * Math.abs(mean) + 4 * 2 ** -23 * magnitude + (dtype === 'float16' ? 2 ** -24 : 0);
      for (const [side, drawn] of [ours, theirs].entries())
        for (let i = j; i < drawn.length; i += width) {
          if (!(Math.abs(drawn[i] - mean) <= 6.5 * spread + slack))
            return `column ${j}: ${drawn[i]} ${side === 0 ? 'here' : 'there'}, the mean is ${mean}, the spread ${spread}`;
          z[side].push((drawn[i] - mean) / spread);
        }
    }
    if (dims.length === 1 || dtype !== 'float32') return null;
    // Rows that are all the mean: the covariance has no Cholesky factor.
    const flat = [ours, theirs].map((drawn) => {
      for (let i = width; i < drawn.length; i++) if (drawn[i] !== drawn[i - width]) return false;
      return true;
    });
    if (ours.length === width) return null;
    if (flat[0] !== flat[1]) {
      singular.count++;
      return smallestPivot(old, width) > 1e-6
        ? `rows are all the mean ${flat[0] ? 'here' : 'there'} only, of ${rows} old ones`
        : null;
    }
    return flat[0] || rows <= width ? null : compareDrawn(`${family} mean_resizing ${name.split('.').at(-1)}`, ...z);
  };
}

module.exports = { aroundMean, compareDrawn, kindsSeen, singular };
