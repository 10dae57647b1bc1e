"""Other names of a template: the redirects that lead to it."""

from collections.abc import Iterable, Mapping

from embedding.wiki.site import TEMPLATE, Site

MAX_REDIRECTS = 2  # as many as MediaWiki follows where a template is called: Parser::statelessFetchTemplate


def template_aliases(redirects: Mapping[str, str], wanted: Iterable[str], site: Site) -> set[str]:
    """Names under which pages may call the wanted templates, beside their own.

    Args:
        redirects: title of a redirect: the title that it leads to, both with the namespace.
        wanted: names of templates, without the namespace; case and underscores are forgiven.
        site: the rules for titles.

    Returns:
        Names without the namespace.
    """
    names = {_key(name) for name in wanted} - {""}
    pairs = [(_name(source, site), _name(target, site)) for source, target in redirects.items()]
    reached, found = set(names), set()
    for _ in range(MAX_REDIRECTS):
        reached = {source for source, target in pairs if target in reached and source} - names
        found |= reached
    return {name for title in redirects if _key(name := _bare(title, site)) in found}


def _name(title: str, site: Site) -> str:
    return _key(_bare(title, site))


def _bare(title: str, site: Site) -> str:
    """The name of a template; empty for pages of other namespaces."""
    read = site.parse(title)
    return read.text.partition(":")[2] if not isinstance(read, str) and read.namespace == TEMPLATE else ""


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())
