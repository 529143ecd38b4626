"""`make demo`: send synthetic traffic to a running system for about two minutes, so that each alarm is raised.

First reviews like the training data, then texts of another domain, then reviews with labels that increasingly disagree.
Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random, SystemRandom
from typing import Never
from urllib.parse import urlsplit

from scripts.demo.steering import CannotSteer, Composer, Profile, levels
from scripts.demo.texts import facts_elsewhere, film_facts, film_sentences, of_length, sentences_elsewhere
from scripts.demo.traffic import Api, DemoError, Phase, Sent, Traffic

PROFILE = Path(__file__).resolve().parent.parent.parent / "monitoring" / "reference.json"
RATE = 24  # requests a second
SENTENCES = 60  # of each topic and mood
LONGER, LONGEST = 1.8, 700  # texts from elsewhere: times as long, and at most so many words
NOTABLE_SHIFT = 0.35  # in standard deviations, of the samples' mean
ACCURACY = 0.93  # where the profile cannot say it
FIRST_RIGHT, LAST_RIGHT = 0.85, 0.35  # of the answers in the third phase, by their labels

SHOWN = {  # by number of the phase: its name, what comes, and what to look at
    1: (
        "Everything is fine",
        "Film reviews like those that the model was made for: their lengths, words and answers are distributed as in "
        "the reference profile. Three in ten get a label, which says of about 93 % of the answers that they are right.",
        "Look at the top of the page: nothing there is red or yellow once there are 30 labels, and requests and labels "
        "grow. No alert may appear in this phase. The changed word frequencies come from the demo's small grammar: "
        "they raise no alert. Open a recent request to see which words made its answer.",
    ),
    2: (
        "Other texts than the model was made for",
        "Reviews of telephones and hotels, nearly twice as long as the film reviews and without labels: nobody says "
        "that the answers are worse, and yet it shows.",
        "Look at the drift of sentence length, of vocabulary coverage (the model knows fewer of the words; the section "
        "Data drift lists them) and of confidence: their alerts appear within a few seconds. They clear in the next "
        "phase, after some hundred ordinary requests. The page also says that the labelled predictions are not a "
        "random sample: the new texts have no labels.",
    ),
    3: (
        "Answers become wrong",
        "Film reviews again. Their labels arrive through POST /feedback some seconds after the answers, and say more "
        f"and more often that these were wrong: {FIRST_RIGHT:.0%} are right at first, {LAST_RIGHT:.0%} in the end.",
        "Look at the top of the page: first an accuracy regression appears, then, some seconds later, the red banner "
        "says that accuracy is below 80 %. The wrong predictions are listed further down.",
    ),
}


def phases(api: Api, version: str, seconds: float, seed: int) -> list[Phase]:
    """The phases of a demo of this many `seconds`; prints its findings on the way. Raises DemoError."""
    random, profile = Random(seed), load_profile()
    review, accuracy = reviews(api, profile, version, random)
    elsewhere, at = sentences_elsewhere(random, SENTENCES), levels(random)

    def long_text() -> str:
        words = min(LONGER * profile.length(next(at)[0]), LONGEST)
        return of_length(elsewhere, words, facts_elsewhere(random), random)

    def falling(progress: float, confidence: float) -> float:
        return FIRST_RIGHT + (LAST_RIGHT - FIRST_RIGHT) * progress

    parts = [(0.42, 150), (0.16, 120), (0.42, 360)]  # of the time, and requests at least: fewer prove nothing
    counts = [max(least, round(RATE * part * seconds)) for part, least in parts]
    (first, _), (second, _), (third, _) = parts
    return [
        Phase(1, counts[0], first * seconds, review, 0.3, 0.0, lambda progress, confidence: accuracy(confidence)),
        Phase(2, counts[1], second * seconds, long_text, 0.0, 0.0, falling),
        Phase(3, counts[2], third * seconds, review, 0.75, seconds / 30, falling),
    ]


def reviews(
    api: Api, profile: Profile, version: str, random: Random
) -> tuple[Callable[[], str], Callable[[float], float]]:
    """Composes film reviews, and tells how often a prediction of a confidence is right."""
    sentences = film_sentences(random, SENTENCES)
    try:
        if version != profile.version:
            raise CannotSteer(
                f"the API serves the model {version}, and monitoring/reference.json describes {profile.version}"
            )
        composer = Composer(profile, sentences, api.explain, random)
    except CannotSteer as reason:
        say(
            f"The reviews cannot be made like those of the reference profile, since {reason}. They are sent as they "
            "come: drift may be seen in the first phase already, and answers of a model that the dashboard has no "
            "profile of are compared with none, so that of its alarms only the red banner for accuracy comes on."
        )
        at = levels(random)
        return (
            lambda: of_length(sentences, profile.length(next(at)[0]), film_facts(random), random),
            lambda confidence: ACCURACY,
        )
    warn_of(profile.shifts(composer.samples))
    return composer.next, profile.accuracy


def warn_of(shifts: Mapping[str, float]) -> None:
    """Warn that a model or reference of other texts than film reviews may be impossible to imitate."""
    missed = [f"{name} by {shift:+.1f}" for name, shift in shifts.items() if abs(shift) > NOTABLE_SHIFT]
    if missed:
        say(
            f"The reviews differ from the reference profile, in its standard deviations: {', '.join(missed)}. "
            "So a drift alarm may come on in the first phase already."
        )


def load_profile() -> Profile:
    try:
        return Profile(json.loads(PROFILE.read_text(encoding="utf-8")))
    except OSError as error:
        raise DemoError(f"monitoring/reference.json cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DemoError(f"monitoring/reference.json is not a reference profile: {error!r}.") from error


def served_model(api: Api) -> tuple[str, list[str]]:
    """Version and labels of the running model. Raises DemoError."""
    card = api.request("GET", "/model")
    labels, version = card.get("labels"), card.get("model_version")
    if not isinstance(labels, list) or len(labels) < 2 or not isinstance(version, str):
        raise DemoError(f"What answers at {api.url} is not the sentiment service: its /model names no labels.")
    return version, labels


def demonstrate(api: Api, seconds: float, seed: int, dashboard: str) -> None:
    """Run the demo. Raises DemoError."""
    version, labels = served_model(api)
    say(
        f"Open {dashboard} beside this window. All texts and labels are synthetic: chance decides whether "
        "they call an answer right or wrong, so that they say nothing about the model. Alarms of earlier traffic, as "
        "of an earlier demo, are still on; `make clean` and then `make run` begin with an empty log."
    )
    say(f"Asking the model what it makes of some hundred sentences (seed {seed}) …")
    with closing(Traffic(api, labels, seed)) as traffic:
        for phase in phases(api, version, seconds, seed):
            name, what, look = SHOWN[phase.number]
            say(f"{phase.number} of {len(SHOWN)}: {name}, for {phase.seconds:.0f} seconds", "=")
            say(what)
            say(look)
            report(traffic.run(phase))
    say("What the page should say now", "=")
    say(
        "At the top the red banner says that accuracy is below 80 %, and a warning reports an accuracy regression, "
        "each with the label at which it probably started. The drift warnings for sentence length, vocabulary coverage "
        "and confidence have cleared, or will clear after more ordinary requests. `make clean` stops the system and "
        "deletes its log, and with it all that the demo has sent."
    )


def report(sent: Sent) -> None:
    labels = (
        f"{sent.labels:,} labels, {sent.right / sent.labels:.1%} of them for right answers"
        if sent.labels
        else "no labels"
    )
    say(f"Sent: {sent.requests:,} requests and {labels}.")


def say(text: str, underline: str = "") -> None:
    print("\n" + textwrap.fill(text, 100), flush=True)
    if underline:
        print(underline * min(len(text), 100), flush=True)


def address(value: str) -> str:
    parts = urlsplit(value)
    try:
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"'{value}' is not an address like http://localhost:8000")
    return value.rstrip("/")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise DemoError(f"{message}; --help lists the options.")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="demo", allow_abbrev=False, description="Show each alarm of the dashboard.")
    option = parser.add_argument
    option("--url", type=address, default="http://localhost:8000", help="of the API (default: %(default)s)")
    option("--token", help="that the API asks for (default: API_TOKEN of the environment, which nobody else can see)")
    option("--seconds", type=float, default=120.0, help="how long it takes, 10 to 3600 (default: %(default)s)")
    option("--seed", type=int, help="for the same texts again, which then are repeats (default: by chance)")
    options = parser.parse_args(argv)
    options.token = (os.environ.get("API_TOKEN", "") if options.token is None else options.token).strip()
    if options.token and not re.fullmatch(r"[\w.~+/-]+=*", options.token, re.ASCII):
        parser.error("the token (--token or API_TOKEN) is not valid; give it alone, without its name and scopes")
    if not 10 <= options.seconds <= 3600:
        parser.error(f"--seconds must be between 10 and 3600, not {options.seconds:g}")
    if options.seed is None:
        options.seed = SystemRandom().randrange(1_000_000)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    dashboard = f"http://localhost:{os.environ.get('DASHBOARD_PORT') or '8501'}"
    try:
        options = parse(argv)
        demonstrate(Api(options.url, options.token), options.seconds, options.seed, dashboard)
    except DemoError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndemo: Stopped. What was sent stays in the log; `make clean` deletes it.", file=sys.stderr)
        return 130
    return 0
