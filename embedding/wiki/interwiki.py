"""Prefixes that lead a link out of its wiki.

A dump does not carry the interwiki table, so the prefixes that every Wikimedia wiki shares are listed here: language codes of
Wikipedias, sister projects, and the outside sites that articles link to by prefix.
Source: https://meta.wikimedia.org/wiki/Interwiki_map, https://meta.wikimedia.org/wiki/List_of_Wikipedias and the `interwikimap` of
https://en.wikipedia.org/w/api.php?action=query&meta=siteinfo&siprop=interwikimap.
"""

import re

_LANGUAGE_CODES = """
    aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay az azb ba ban bar bat-smg bbc bcl bdr be
    be-tarask be-x-old bew bg bh bho bi bjn blk bm bn bo bpy br bs btm bug bxr ca cbk-zam cdo ce ceb ch cho chr chy ckb cmn co cr crh cs
    csb cu cv cy cz da dag de dga din diq dk dsb dtp dty dv dz ee egl el eml en eo epo es et eu ext fa fat ff fi fiu-vro fj fo fon fr
    frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gpe gsw gu guc gur guw gv ha hak haw he hi hif ho hr hsb ht hu hy hyw hz ia
    iba id ie ig igl ii ik ilo inh io is it iu ja jam jbo jp jv ka kaa kab kaj kbd kbp kcg kg kge ki kj kk kl km kn knc ko koi kr krc ks
    ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lrc lt ltg lv lzh mad mai map-bms mdf mg mh mhr mi min minnan mk
    ml mn mni mnw mo mos mr mrj ms mt mus mwl my myv mzn na nah nan nap nb nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nup nv
    ny oc olo om or os pa pag pam pap pcd pcm pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rki rm rmy rn ro roa-rup roa-tara rsk ru rue
    rup rw sa sah sat sc scn sco sd se sg sgs sh shi shn shy si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv sw syl szl szy
    ta tay tcy tdd te tet tg th ti tig tk tl tly tn to tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo vro wa war wo
    wuu xal xh xmf yi yo yue za zea zgh zh zh-cfr zh-classical zh-cn zh-min-nan zh-tw zh-yue zu
"""
_PROJECTS = """
    w wikipedia wikt wiktionary b wikibooks n wikinews q wikiquote s wikisource v wikiversity voy wikivoyage d wikidata c commons
    wikimedia m meta metawiki metawikimedia metawikipedia mw mediawikiwiki species wikispecies foundation wmf wmfblog f wikifunctions
    wikitech incubator outreach phab phabricator bugzilla gerrit toollabs toolforge sep11 test testwiki testwikidata strategy otrs
    betawikiversity oldwikisource mail mailarchive quality svn translatewiki betawiki ticket nostalgia tenwiki wikimania chapter donate
    wikipediawikipedia
"""
_OUTSIDE = """
    acronym arxiv bibcode bibliowiki bnf choralwiki citeseer citizendium creativecommons dcdatabase dictionary distributedproofreaders
    dmoz doi drae emacswiki ethnologue fandom finalfantasy foldoc freedomdefined genealogy github google googlegroups gutenberg
    gutenbergwiki hdl iarchive imdbcharacter imdbcompany imdbname imdbtitle irc iso639-3 issn jstor libris linguistlist lojban lostpedia
    marveldatabase meatball memoryalpha musicbrainz mwod mwot nlab oeis openlibrary orthodoxwiki osm planetmath pmid proofwiki rfc
    rodovid scholar schoolswp scores silcode tmbw tvtropes uncyclopedia unihan urbandict usenet viaf vikidia wikia wikihow wikileaks
    wikilivres wikilivresru wikisophia wikitree wipipedia wmde wmfr wmuk wookieepedia worldcat wowwiki
"""
LANGUAGES = frozenset(_LANGUAGE_CODES.split())
PREFIXES = LANGUAGES | frozenset((_PROJECTS + _OUTSIDE).split())
_PROJECT_SUFFIX = re.compile(r"(?:wiki|wiktionary|wikibooks|wikinews|wikiquote|wikisource|wikiversity|wikivoyage)$")


def own_prefixes(dbname: str) -> frozenset[str]:
    """The prefixes by which a Wikimedia wiki names itself: the code of its language, and w on the English Wikipedia.

    Source: $wgLocalInterwikis; the prefixes marked `localinterwiki` in a wiki's api.php?action=query&meta=siteinfo&siprop=interwikimap.
    """
    language = _PROJECT_SUFFIX.sub("", dbname).replace("_", "-")
    if language == dbname or language not in LANGUAGES:
        return frozenset()
    return frozenset([language, "w"] if dbname == "enwiki" else [language])
