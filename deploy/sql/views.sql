-- Views on top of the tables, in SQL that DuckDB and Spark SQL both read. `bookspace sql`, `bookspace views` and `bookspace register`
-- make the tables and their `_latest` views known to the engine first, and the function cosine(vector, vector); then they run this file.

-- Books of which each is among the other's neighbours; a pair stands here once.
CREATE OR REPLACE VIEW mutual_neighbours_latest AS
SELECT one.wiki, one.snapshot, one.page_id, one.title, one.neighbour_page_id, one.neighbour_title,
       one.rank, other.rank AS neighbour_rank, one.similarity, one.shared_links
FROM neighbours_latest one
JOIN neighbours_latest other
  ON other.wiki = one.wiki AND other.page_id = one.neighbour_page_id AND other.neighbour_page_id = one.page_id
WHERE one.page_id < one.neighbour_page_id;

-- A book, and in how many books' lists of neighbours it stands.
CREATE OR REPLACE VIEW hubs_latest AS
SELECT wiki, snapshot, neighbour_page_id AS page_id, neighbour_title AS title, count(*) AS lists, avg(similarity) AS mean_similarity
FROM neighbours_latest
GROUP BY wiki, snapshot, neighbour_page_id, neighbour_title;

-- Two authors (of any case; one spelling is shown), how many neighbours among all books of the first the second wrote, and how near.
CREATE OR REPLACE VIEW author_neighbours_latest AS
SELECT n.wiki, n.snapshot, max(mine.author) AS author, max(theirs.author) AS neighbour_author,
       count(*) AS neighbours, avg(n.similarity) AS mean_similarity
FROM neighbours_latest n
JOIN books_latest mine ON mine.wiki = n.wiki AND mine.page_id = n.page_id
JOIN books_latest theirs ON theirs.wiki = n.wiki AND theirs.page_id = n.neighbour_page_id
WHERE lower(mine.author) <> lower(theirs.author)
GROUP BY n.wiki, n.snapshot, lower(mine.author), lower(theirs.author);
