"""Sentences from topics: a fact (who did what) told in one of several ways."""

import random
from dataclasses import dataclass

from topics import TOPICS

# Irregular pasts and participles; all other verbs are regular.
IRREGULAR = {
    "spread": ("spread", "spread"),
    "cut": ("cut", "cut"),
    "sell": ("sold", "sold"),
    "take": ("took", "taken"),
    "sing": ("sang", "sung"),
    "feed": ("fed", "fed"),
    "read": ("read", "read"),
}
DOUBLED = ("chop", "trim", "drop", "debug", "repot", "transfer")
TELLINGS = (
    "{who} {past} {what} {when}.",
    "{When}, {who} {past} {what}.",
    "It took {who} all day to {base} {what} {when}.",
    "Why did {who} {base} {what} {when}?",
    "{who} was still {gerund} {what} {when}.",
    "Nobody expected {who} to {base} {what} {when}.",
    "{who} said that {what} had to be {participle} {when}.",
    "Could you ask {who} to {base} {what}?",
    "We watched {who} {base} {what} {when}.",
    "{who} has never {participle} {what} {when}.",
    "{who} {past} {what} {when}. {remark}",
    "{remark} {who} {past} {what} {when}.",
    "Who asked {who} to {base} {what} {when}?",
    "If {who} had not {participle} {what}, we would have noticed. {remark}",
)


@dataclass(frozen=True)
class Fact:
    topic: str
    who: str
    verb: str
    what: str


def facts() -> list:
    """Every fact of every topic, in the order of topics.py."""
    return [
        Fact(topic, who, verb, what)
        for topic, words in TOPICS.items()
        for who in words["people"].split("|")
        for verb, objects in words["actions"].items()
        for what in objects.split("|")
    ]


def tell(fact: Fact, draw: random.Random) -> str:
    """One way to tell a fact, with a circumstance or remark of its topic."""
    words = TOPICS[fact.topic]
    when = draw.choice(words["when"].split("|"))
    verb, _, particle = fact.verb.partition(" ")
    past, participle, gerund = (f"{form} {particle}".strip() for form in forms(verb))
    text = draw.choice(TELLINGS).format(
        who=fact.who,
        what=fact.what,
        when=when,
        When=upper_first(when),
        base=fact.verb,
        past=past,
        participle=participle,
        gerund=gerund,
        remark=draw.choice(words["remarks"].split("|")),
    )
    return ". ".join(upper_first(part) for part in text.replace("? ", "?. ").split(". ")).replace("?. ", "? ")


def forms(verb: str) -> tuple:
    """Past, participle and gerund."""
    if verb in IRREGULAR:
        past, participle = IRREGULAR[verb]
    elif verb in DOUBLED:
        past = participle = f"{verb}{verb[-1]}ed"
    elif verb.endswith("e"):
        past = participle = f"{verb}d"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        past = participle = f"{verb[:-1]}ied"
    else:
        past = participle = f"{verb}ed"
    if verb in DOUBLED or verb == "cut":
        return past, participle, f"{verb}{verb[-1]}ing"
    return past, participle, f"{verb[:-1]}ing" if verb.endswith("e") else f"{verb}ing"


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
