"""Other names of a template: the redirects that lead to it."""

from collections.abc import Iterable, Mapping

from embedding.wiki.site import TEMPLATE, Site

MAX_REDIRECTS = 2  # as many as MediaWiki follows where a template is called: Parser::statelessFetchTemplate


def template_aliases(redirects: Mapping[str, str], wanted: Iterable[str], site: Site) -> set[str]:
    """Names under which pages may call the wanted templates, beside their own; where one was renamed, its new name too.

    Args:
        redirects: title of a redirect: the title that it leads to, both with the namespace.
        wanted: names of templates, without the namespace; case and underscores are forgiven.
        site: the rules for titles.

    Returns:
        Names without the namespace.
    """
    wanted = list(wanted)
    renamed = {target for targets in new_names(redirects, wanted, site).values() for target in targets}
    names = {_key(name) for name in (*wanted, *renamed)} - {""}
    pairs = [(_name(source, site), _name(target, site)) for source, target in redirects.items()]
    reached, found = set(names), set()
    for _ in range(MAX_REDIRECTS):
        reached = {source for source, target in pairs if target in reached and source} - names
        found |= reached
    return renamed | {name for title in redirects if _key(name := _bare(title, site)) in found}


def new_names(redirects: Mapping[str, str], wanted: Iterable[str], site: Site) -> dict[str, list[str]]:
    """Wanted templates that were renamed: each is a redirect by now, and its other names most often lead to the new one directly.

    Args:
        redirects: see `template_aliases`.
        wanted: likewise.
        site: likewise.

    Returns:
        Wanted name: the names that it leads to, without the namespace, the nearest first; none that is wanted itself.
    """
    wanted = list(wanted)
    known = {_key(name) for name in wanted}
    return {name: targets for name in wanted if (targets := _targets(redirects, name, known, site))}


def _targets(redirects: Mapping[str, str], name: str, known: set[str], site: Site) -> list[str]:
    reached, found = {_key(name)} - {""}, dict[str, None]()
    for _ in range(MAX_REDIRECTS):
        ends = tuple(reached)  # to parse every title takes long, and few end like that
        sources = [title for title in redirects if _key(title).endswith(ends) and _name(title, site) in reached]
        targets = [target for title in sources if (target := _bare(redirects[title], site))]
        found |= dict.fromkeys(target for target in targets if _key(target) not in known)
        reached = {_key(target) for target in targets}
    return list(found)


def _name(title: str, site: Site) -> str:
    return _key(_bare(title, site))


def _bare(title: str, site: Site) -> str:
    """The name of a template; empty for pages of other namespaces."""
    read = site.parse(title)
    return read.text.partition(":")[2] if not isinstance(read, str) and read.namespace == TEMPLATE else ""


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())
