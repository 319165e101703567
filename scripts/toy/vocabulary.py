"""A WordPiece vocabulary by counting: characters, the most frequent words, their most frequent beginnings and ends.

The trainers of the tokenizers library break ties differently from run to run; this one does not.
"""

from collections import Counter

from tokenizers import normalizers, pre_tokenizers

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
WORDS = 900
PIECES = 1000
LONGEST_PIECE = 5


def count_vocabulary(texts: list) -> dict:
    """Piece to id: special tokens first, then characters, words and pieces of words by falling frequency."""
    words = count_words(texts)
    pieces = Counter()
    for word, count in words.items():
        for length in range(2, min(LONGEST_PIECE, len(word) - 1) + 1):
            pieces[word[:length]] += count
            pieces[f"##{word[-length:]}"] += count
    found = [*SPECIALS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *top(words, WORDS), *top(pieces, PIECES)]
    return {piece: number for number, piece in enumerate(dict.fromkeys(found))}


def count_words(texts: list) -> Counter:
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    return counts


def top(counts: Counter, size: int) -> list:
    return [piece for piece, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:size]]
