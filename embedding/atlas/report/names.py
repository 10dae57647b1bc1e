"""What the figures of the table metrics are called in words."""

_NAMES = {
    "auc": "held-out AUC",
    "filtered_mrr": "mean reciprocal rank of held-out links",
    "recall_at_k_neighbours": "recall of the neighbours",
    "recall_at_k_link_neighbours": "recall of the links' neighbours",
    "recall_at_k_book_links_nearest": "recall of the links nearest to a book",
    "recall_at_k_link_books": "recall of the books nearest to a link",
    "without_neighbours": "share of books without neighbours",
    "tsne_neighbours_kept": "neighbours that the t-SNE map keeps",
    "umap_neighbours_kept": "neighbours that the UMAP map keeps",
    "tsne_moved": "how far books moved on the t-SNE map",
    "umap_moved": "how far books moved on the UMAP map",
    "books_share_of_before": "books, as a share of the snapshot before",
    "books_added": "books that are new",
    "books_removed": "books that are gone",
    "overlap_at_k_neighbours": "neighbours kept since the snapshot before",
    "cosine_to_before": "cosine of vectors with those before",
}
_HITS = "filtered_hits_at_"


def said(metric: str) -> str:
    """A metric in words; its own name where there are none."""
    if metric.startswith(_HITS):
        return f"held-out links among the first {metric.removeprefix(_HITS)}"
    return _NAMES.get(metric, metric)
