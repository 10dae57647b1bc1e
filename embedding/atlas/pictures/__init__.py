"""Pictures of the space in print quality, by matplotlib."""

ON_MAPS = ("books", "genres", "countries", "languages", "years", "titles", "neighbours")
PICTURES = (*ON_MAPS, "extremes", "similarities")
