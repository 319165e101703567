const MOST_DECODINGS = 5;
const LONGEST_SEGMENT = 255;
const LONGEST_NAME = 4096;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i;

/**
 * Why `name`, which a server or a downloaded file gave, may not be joined to a folder or a URL; null when it may. Safe names
 * are relative, stay inside on every system, and do so as well after percent-decoding by whoever handles them next.
 */
export function unsafeNameReason(name: string): string | null {
  let decoded = name;
  for (let round = 0; round <= MOST_DECODINGS; round++) {
    const reason = unsafeAsWritten(decoded);
    if (reason !== null) return round === 0 ? reason : `${reason} once percent-decoded`;
    const next = percentDecoded(decoded);
    if (next === decoded) return null;
    decoded = next;
  }
  return `it is percent-encoded more than ${MOST_DECODINGS} times over`;
}

function unsafeAsWritten(name: string): string | null {
  if (name === '') return 'it is empty';
  if (Buffer.byteLength(name) > LONGEST_NAME) return `it is longer than ${LONGEST_NAME} bytes`;
  if (/\p{Cc}/u.test(name)) return 'it holds a control character';
  if (/\p{Surrogate}/u.test(name)) return 'it holds half of a surrogate pair';
  if (name.includes('\\')) return 'it holds a backslash';
  if (name.includes(':')) return 'it holds a colon';
  if (name.startsWith('/')) return 'it is an absolute path';
  for (const segment of name.split('/')) {
    const reason = unsafeSegment(segment);
    if (reason !== null) return reason;
  }
  return null;
}

function unsafeSegment(segment: string): string | null {
  if (segment === '') return 'it has an empty path segment';
  if (segment === '.' || segment === '..') return `it has the path segment '${segment}'`;
  if (Buffer.byteLength(segment) > LONGEST_SEGMENT) return `a path segment is longer than ${LONGEST_SEGMENT} bytes`;
  // Windows drops these, so that '.. ' would mean '..'.
  if (/[. ]$/.test(segment)) return 'a path segment ends with a dot or a space';
  if (WINDOWS_DEVICE.test(segment)) return 'it is the name of a device on Windows';
  return null;
}

/** Decodes each escape by itself, so that a broken one elsewhere does not hide the others. */
function percentDecoded(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
