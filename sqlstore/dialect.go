package sqlstore

import (
	"regexp"
	"strings"
)

// The texts of all statements are written once, in the parts that both dialects
// share, with these words in between:
//
//	?1b ?2i     the parameters, of bytes and of integers
//	{keys}      the table of that name, qualified and quoted
//	{clock}     the time of the database in microseconds, at this moment
//	{now}       the same, computed once, so that an index can be used
//	{max} {min} the larger and the smaller of two values
//	{head}      of the column id: what the index of the ids orders by
//	{head ?1b}  the same of a parameter
//	{skip}      leaves out the rows that others have locked
type dialect struct {
	kind  Dialect
	words map[string]string
	table string // before the name of a table
}

// The clock of SQLite has milliseconds. Rounding down to them makes rows expire
// up to a millisecond late, and never early.
const (
	postgresClock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	sqliteClock   = `(CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)`
)

func dialectOf(c Config) dialect {
	d := dialect{kind: c.Dialect, table: `"` + c.Prefix}
	if c.Schema != "" {
		d.table = `"` + c.Schema + `".` + d.table
	}
	d.words = map[string]string{"clock": sqliteClock, "now": sqliteClock, "max": "max", "min": "min", "head": "id", "skip": ""}
	if c.Dialect == Postgres {
		d.words = map[string]string{"clock": postgresClock, "now": "(SELECT " + postgresClock + ")", "max": "greatest", "min": "least",
			"head": "substring(id from 1 for 64)", "skip": "FOR UPDATE SKIP LOCKED"}
	}
	return d
}

var (
	placeholder = regexp.MustCompile(`\?([0-9]+)([bi])`)
	word        = regexp.MustCompile(`\{([a-z]+)( [^}]*)?\}`)
)

// text returns a statement in the dialect.
func (d dialect) text(shared string) string {
	text := word.ReplaceAllStringFunc(shared, func(found string) string {
		parts := word.FindStringSubmatch(found)
		switch value, known := d.words[parts[1]]; {
		case parts[2] != "" && d.kind == Postgres: // {head ?1b}
			return strings.Replace(value, "id", strings.TrimSpace(parts[2]), 1)
		case parts[2] != "":
			return strings.TrimSpace(parts[2])
		case known:
			return value
		}
		return d.table + parts[1] + `"`
	})
	if d.kind == Postgres {
		text = placeholder.ReplaceAllStringFunc(text, func(found string) string {
			parts := placeholder.FindStringSubmatch(found)
			return "$" + parts[1] + map[string]string{"b": "::bytea", "i": "::bigint"}[parts[2]]
		})
		return text
	}
	return placeholder.ReplaceAllString(text, "?$1")
}

// qualified returns a plain migration with the names of the Config.
func (d dialect) qualified(migration, prefix string) string {
	migration = strings.ReplaceAll(migration, `EXISTS "`+defaultPrefix, "EXISTS \x00") // of tables and indexes
	migration = strings.ReplaceAll(migration, "INDEX IF NOT EXISTS \x00", `INDEX IF NOT EXISTS "`+prefix)
	migration = strings.ReplaceAll(migration, "\x00", d.table)
	return strings.NewReplacer(`ON "`+defaultPrefix, "ON "+d.table, `INTO "`+defaultPrefix, "INTO "+d.table).Replace(migration)
}
