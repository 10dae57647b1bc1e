"""The schema of conf/*.yaml: types and bounds. conf/default.yaml says what each setting means, `settings_files.py` reads it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the settings: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DownloadSettings(Section):
    """The command `bookspace download`."""

    mirror: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")]
    folder: Annotated[str, Field(min_length=1)]
    connections: Annotated[int, Field(ge=1, le=3)]
    contact: Annotated[str, Field(pattern=r"^[!-'*-~]([ -'*-~]*[!-'*-~])?$")] | None


class SparkSettings(Section):
    """How a Spark session is started when spark-submit has not started one."""

    master: str
    driver_memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[mg]$")]
    shuffle_partitions: Count
    log_level: Literal["OFF", "ERROR", "WARN", "INFO", "DEBUG"]
    event_log: Annotated[str, Field(min_length=1)] | None
    conf: dict[str, str]

    @field_validator("log_level", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "OFF" if value is False else value  # YAML reads a bare OFF as false


class ReadSettings(Section):
    """read_dump."""

    partition_mb: Annotated[float, Field(gt=0)]
    max_damaged_streams: Annotated[int, Field(ge=0)]


class BookColumns(Section):
    """Infobox fields that fill each column of a book, in order of preference."""

    author: list[str]
    genre: list[str]
    country: list[str]
    language: list[str]
    publisher: list[str]
    series: list[str]
    year: list[str]
    isbn: list[str]


class BooksSettings(Section):
    """extract_books."""

    infoboxes: list[str]
    fields: BookColumns
    namespace_aliases: dict[int, list[str]]
    max_wikitext_bytes: Count
    max_seconds: Annotated[float, Field(gt=0)]
    max_megabytes: Count
    reuse: bool


class PairsSettings(Section):
    """build_pairs."""

    min_books: Count
    stop_links: list[str]
    max_redirects: Annotated[int, Field(ge=1, le=10)]
    valid: Fraction
    test: Fraction

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "PairsSettings":
        if self.valid + self.test >= 0.9:
            raise ValueError("valid + test must be less than 0.9, or too little is left to train on")
        return self


class NegativesSettings(Section):
    """sample_negatives."""

    per_positive: Count
    draws: Count
    min_rows: Annotated[int, Field(ge=0)]
    links: Literal["uniform", "frequency"]
    power: Annotated[float, Field(ge=0, le=2)]
    books: Literal["positive", "uniform"]


class TrainSettings(Section):
    """train_embedding."""

    dimensions: Annotated[int, Field(ge=2, le=4096)]
    loss: Literal["bce", "mse"]
    epochs: Count
    min_steps: Count
    batch_positives: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    start: Literal["svd", "random"]
    init_range: Annotated[float, Field(gt=0, le=10)]
    schedule: Literal["one_cycle", "constant"]
    scale: Annotated[float, Field(gt=0, le=100)]
    learn_scale: bool
    bias: Literal["one", "link"]
    link_weight_power: Annotated[float, Field(ge=-2, le=2)]
    centre: bool
    fresh_negatives: bool
    adam: Literal["auto", "whole", "rows"]
    feed: Literal["petastorm", "pyarrow"]
    resident_mb: Count
    device: Literal["auto", "cpu", "cuda"]
    cuda_graph: bool
    processes: Count
    resume: bool
    checkpoint_seconds: Annotated[float, Field(ge=0)]
    tensorboard: Annotated[str, Field(min_length=1)] | None
    warm_start: bool
    warm_epochs: Annotated[float, Field(gt=0, le=1)]
    warm_length: Annotated[float, Field(ge=1, le=1000)]
    align: bool

    @model_validator(mode="after")
    def _add_up_over_whole_tables(self) -> "TrainSettings":
        if self.adam == "rows" and self.processes > 1:
            raise ValueError("adam: rows is for one process; set train.adam=auto or train.processes=1")
        return self


class EvaluateSettings(Section):
    """evaluate."""

    max_pairs: Count
    hits_at: Count


class NeighboursSettings(Section):
    """find_neighbours."""

    k: Count
    method: Literal["auto", "annoy", "exact"]
    trees: Count
    max_trees: Count
    search_k: Count
    max_search_k: Count
    min_recall: Annotated[float, Field(ge=0, le=1)]
    recall_queries: Count
    shared_links: Annotated[int, Field(ge=0)]


class MapSettings(Section):
    """draw_map."""

    methods: list[Literal["tsne", "umap"]]
    sample: Annotated[int, Field(ge=100)]
    keep_places: bool
    perplexity: Annotated[float, Field(ge=1, le=1000)]
    tsne_iterations: Count
    umap_neighbours: Annotated[int, Field(ge=2, le=1000)]
    umap_min_dist: Annotated[float, Field(ge=0, le=1)]
    umap_epochs: Annotated[int, Field(ge=1)] | None


class ProbeSettings(Section):
    """probe_vectors."""

    folds: Annotated[int, Field(ge=2, le=20)]
    min_books: Count
    max_books: Count


class PublishSettings(Section):
    """publish: a snapshot that misses one of these gates stays out of view."""

    min_books: Count
    min_books_share: Annotated[float, Field(ge=0)]
    min_auc: Annotated[float, Field(ge=0, le=1)]
    min_recall: Annotated[float, Field(ge=0, le=1)]
    max_without_neighbours: Annotated[float, Field(ge=0, le=1)]
    min_overlap: Annotated[float, Field(ge=0, le=1)]


class CatalogSettings(Section):
    """Where the tables are registered anew when another snapshot comes into view."""

    place: Annotated[str, Field(min_length=1)] | None
    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class MonitoringSettings(Section):
    """How a run can be watched."""

    log: Literal["text", "json"]
    figures: Annotated[str, Field(min_length=1)] | None


class Settings(Section):
    """Every setting. conf/default.yaml says what each one means."""

    warehouse: str
    warehouse_cache: Annotated[str, Field(min_length=1)] | None
    wiki: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    dump: Annotated[str, Field(min_length=1)] | None
    snapshot: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    download: DownloadSettings
    spark: SparkSettings
    read: ReadSettings
    books: BooksSettings
    pairs: PairsSettings
    negatives: NegativesSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    neighbours: NeighboursSettings
    map: MapSettings
    publish: PublishSettings
    catalog: CatalogSettings
    probe: ProbeSettings
    monitoring: MonitoringSettings

    @field_validator("snapshot", mode="before")
    @classmethod
    def _date_written_as_number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("snapshot")
    @classmethod
    def _day_that_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.strptime(value, "%Y%m%d")
            except ValueError:
                raise ValueError("should be a day, YYYYMMDD") from None
        return value
