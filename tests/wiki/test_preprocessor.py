"""How braces, brackets and tags match: what https://www.mediawiki.org/wiki/Preprocessor_ABNF and MediaWiki's tests say."""

import pytest

from embedding.wiki.nodes import Nodes, Parameter, Template
from embedding.wiki.preprocessor import preprocess


def show(nodes: Nodes) -> str:
    """What was found, written so that a test is easy to read: T for templates, P for parameters, E for tags of extensions."""
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, Template):
            arguments = "".join(f";{'' if name is None else show(name) + ':'}{show(value)}" for name, value in node.arguments)
            parts.append(f"T<{show(node.title)}{arguments}>")
        elif isinstance(node, Parameter):
            parts.append(f"P<{'' if node.default is None else show(node.default)}>")
        else:
            parts.append(f"E<{node.tag};{node.content}>")
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a {b} c}} ]] | = d", "a {b} c}} ]] | = d"),
        ("{{a}}", "T<a>"),
        ("{{a|b|c=d|=e|f=|}}", "T<a;b;c:d;:e;f:;>"),
        ("{{a|b=c=d}}", "T<a;b:c=d>"),  # only the first equals sign
        ("{{a=b|c}}", "T<a=b;c>"),
        ("{{a|{{b|c}}={{d}}}}", "T<a;T<b;c>:T<d>>"),
        ("{{a|[[b|c=d]]|e}}", "T<a;[[b|c=d]];e>"),
        ("{{a|[b|c]}}", "T<a;[b;c]>"),  # one bracket shelters nothing
        ("{{{a}}} {{{a|b=c|d}}}", "P<> P<b=c>"),
        ("{{{{a}}}}", "{P<>}"),  # three of four
        ("{{{{{a}}}}}", "T<P<>>"),
        ("{{{{{a}}|b}}}", "P<b>"),
        ("{{{{{{a}}}}}}", "P<>"),
        ("{{{a}}", "{T<a>"),
        ("{{a}}}", "T<a>}"),
        ("{{a|{b}}}", "T<a;{b>}"),
        ("{{a", "{{a"),
        ("{{a|b=c|{{d}}", "{{a|b=c|T<d>"),
        ("{{a|[[b}}", "{{a|[[b}}"),  # an open link keeps a template from closing
        ("{{a|[[b}} c]]}}", "T<a;[[b}} c]]>"),
        ("[[a|{{b]]|c}} d]]", "[[a|T<b]];c> d]]"),
        ("[[[a]]] {{b|[[[c]]}}", "[[[a]]] T<b;[[[c]]>"),
        ("-{a|b}- {{c|-{d|e}-|f}}", "-{a|b}- T<c;-{d|e}-;f>"),
        ("-{{a|b}}", "-T<a;b>"),
        ("-{{{a|b}}c}-", "-{T<a;b>c}-"),
        ("{{a|-{b}}", "{{a|-{b}}"),
        ("{{a|b\n==c}}\n}}", "T<a;b\n==c}}\n>"),  # nothing closes in the line of a heading
        ("{{a|b\n=c}}", "T<a;b\n:c>"),  # but one = after a newline is that of an argument
        ("=a {{b}}", "=a T<b>"),
        ("{{!}} {{=}} {{ ! }} {{a|b{{=}}c{{!}}d}} {{!|x}}", "| = | T<a;b=c|d> T<!;x>"),
    ],
)
def test_braces(text: str, shown: str) -> None:
    assert show(preprocess(text)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<!-- b -->c<!---->d", "acd"),
        ("a<!-- b", "a"),
        ("a<!-->b-->c", "ac"),
        ("<!-- {{ -->{{a<!-- }} -->|b<!-- | -->c}}", "T<a;bc>"),
        ("{<!-- x -->{a}}", "{{a}}"),  # braces are matched before comments go
        ("<nowiki>{{a}}</nowiki>", "E<nowiki;{{a}}>"),
        ("{{a|<nowiki>}}|</nowiki>|b}}", "T<a;E<nowiki;}}|>;b>"),
        ("{{a|<ref name=b>{{c|</ref>}}", "T<a;E<ref;{{c|>>"),
        ("{{a|<ref name=b />|c}}", "T<a;E<ref;>;c>"),
        ("<REF>a</rEf >", "E<ref;a>"),
        ("<ref>a", "<ref>a"),
        ("<ref>a<ref>b</ref>", "E<ref;a<ref>b>"),
        ("<ref", "<ref"),
        ("<references>a</references><refer>b</refer>", "E<references;a><refer>b</refer>"),
        ("a<includeonly>b</includeonly>c<includeonly />d", "acd"),
        ("a<includeonly>b", "a"),
        ("a<noinclude>b</noinclude><onlyinclude>c</onlyinclude>", "abc"),
        ("<b>{{a}}</b>", "<b>T<a></b>"),
    ],
)
def test_comments_and_tags(text: str, shown: str) -> None:
    assert show(preprocess(text)) == shown


def test_arguments_by_name() -> None:
    (template,) = preprocess("{{ a | b |c| d = e |2=f|d=g| h }}")
    assert isinstance(template, Template)
    assert template.name == "a"
    assert {name: show(value) for name, value in template.named().items()} == {"1": " b ", "2": "f", "d": "g", "3": " h "}
