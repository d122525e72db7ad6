"""`policy init`, `check`, `publish`, `show`, `list`, `rollback` and `delete`."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from stream_app.cli import show
from stream_app.errors import Failure

File = Annotated[Path, typer.Argument(help="A policy in YAML or JSON.", show_default=False)]
Shop = Annotated[str, typer.Argument(help="The shop, or * for the default policy.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]


_GOAL = "It decides criteria, classes, segments and budgets."
_SECTOR = "It decides groups, rhythms, costs and caps."
_Word = TypeVar("_Word", bound=StrEnum)


def _one_of(words: type[_Word], text: str) -> _Word:
    """People write `highest value` and `B2B wholesale`, too."""
    try:
        return words("-".join(text.lower().replace("_", " ").replace("-", " ").split()))
    except ValueError:
        raise typer.BadParameter(f"it must be one of {', '.join(words)}") from None


class Goal(StrEnum):
    """What the shop wants most."""

    HIGHEST_VALUE = "highest-value"
    LOWEST_RISK = "lowest-risk"
    GROWTH = "growth"


class Sector(StrEnum):
    """The trade that the shop is in."""

    WINE = "wine"
    SHOES = "shoes"
    GROCERY = "grocery"
    B2B_WHOLESALE = "b2b-wholesale"


def init(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; never over a file that is there.", show_default=False)] = None,
    goal: Annotated[
        Goal | None,
        typer.Option(parser=lambda text: _one_of(Goal, text), metavar="|".join(Goal), help=_GOAL, show_default=False),
    ] = None,
    sector: Annotated[
        Sector | None,
        typer.Option(parser=lambda text: _one_of(Sector, text), metavar="|".join(Sector), help=_SECTOR, show_default=False),
    ] = None,
) -> None:
    """Write a commented policy to start from.

    Without FILE it goes to standard output.
    """
    from stream_app.codec.policy.starters import write_policy

    text = write_policy(goal, sector)
    if file is None:
        show.line(text.rstrip())
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise Failure(f"{file}: is already there; name a new file, or delete it first") from None
    show.line(f"wrote {file}: change it, then `stream-app policy check {file}`")


def check(file: File, as_json: Json = False) -> None:
    """Check a policy file.

    Every mistake is told with its line.
    """
    from stream_app.worker.policy_topic import check_policy

    ref, _ = check_policy(file)
    if as_json:
        show.document({"file": str(file), **msgspec.structs.asdict(ref)})
    else:
        show.line(f"{file}: a usable policy for {_who(ref.shop)}, version {ref.version}, hash {ref.hash}")


def publish(file: File, as_json: Json = False) -> None:
    """Check a policy file and publish it.

    Running workers follow.
    """
    settings = show.settings_for_command()
    from stream_app.worker.policy_topic import publish_policy

    ref = asyncio.run(publish_policy(settings, file))
    if as_json:
        show.document(msgspec.structs.asdict(ref))
    else:
        show.line(f"published the policy of {_who(ref.shop)}, version {ref.version}, hash {ref.hash}")


def show_published(
    shop: Annotated[str | None, typer.Argument(help="One shop, or * for the default policy; all without it.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show the policies that are in force."""
    settings = show.settings_for_command()
    from stream_app.worker.policy_topic import read_policies

    found = asyncio.run(read_policies(settings))
    if shop is not None and shop not in found:
        raise Failure(f"no policy of {_who(shop)} is published: publish it with `stream-app policy publish FILE`")
    wanted = found if shop is None else {shop: found[shop]}
    if as_json:
        show.document(wanted)
        return
    import yaml

    for name, policy in wanted.items():
        show.line(f"# {_who(name)}")
        show.line(yaml.safe_dump(policy, sort_keys=False, allow_unicode=True).rstrip())
    if not wanted:
        show.line("no policy is published")


def list_published(
    shop: Annotated[str | None, typer.Argument(help="One shop, or * for the default policy; all without it.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List every version that was published, and since when.

    The earlier ones can be taken up again with `policy rollback`.
    """
    settings = show.settings_for_command()
    from stream_app.worker.policy_topic import read_versions

    found = asyncio.run(read_versions(settings, shop))
    if as_json:
        show.document([{name: getattr(one, name) for name in ("shop", "version", "hash", "since", "status")} for one in found])
        return
    for one in found:
        which = "" if one.version is None else f"version {one.version}, hash {one.hash}"
        show.line(f"{one.since}  {one.status.replace('_', ' '):<10}  {_who(one.shop)}  {which}".rstrip())
    if not found:
        show.line("no policy is published")


def rollback(
    shop: Shop,
    to: Annotated[str | None, typer.Option(help="A version number or a hash; without it the version before the one in force.")] = None,
    as_json: Json = False,
) -> None:
    """Publish an earlier version's content as a new version.

    Running workers follow; every customer comes under it, with cause policy.
    """
    settings = show.settings_for_command()
    from stream_app.worker.policy_topic import rollback_policy

    ref, source = asyncio.run(rollback_policy(settings, shop, to))
    if as_json:
        show.document({**msgspec.structs.asdict(ref), "repeats": msgspec.structs.asdict(source)})
    else:
        show.line(f"published the policy of {_who(shop)}, version {ref.version}, which repeats version {source.version}, hash {ref.hash}")


def delete(shop: Shop, as_json: Json = False) -> None:
    """Withdraw a shop's policy.

    Its customers come under the default policy; without one they stand still and the shop's events are refused, until a policy
    is published again.
    """
    settings = show.settings_for_command()
    from stream_app.worker.policy_topic import delete_policy

    has_default = asyncio.run(delete_policy(settings, shop))
    if as_json:
        show.document({"shop": shop, "then": "default" if has_default else "none"})
    elif has_default:
        show.line(f"withdrew the policy of {_who(shop)}: its customers come under the default policy")
    else:
        show.line(f"withdrew the policy of {_who(shop)}: customers without a policy stand still, and their events are refused")


def _who(shop: str) -> str:
    return "every shop without its own" if shop == "*" else f"shop {shop}"
