package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/bulwark-go/bulwark/auth"
)

// A table has the rows of one kind: sessions or API keys. All its keys are in
// one slot, because a Create looks at other rows of its caller and at marks,
// and because a Get knows nothing but an id. lua/rows.lua says how rows look.
type table struct {
	store *Store
	tag   string // begins all keys
	kind  byte   // of the MACs
	max   string
	marks *marks
}

func newTable(s *Store, kind string, sealed byte, max int) *table {
	m := s.newMarks(kind, max)
	return &table{store: s, tag: m.tag, kind: sealed, max: m.max, marks: m}
}

// made returns an error for the table of a Store that New has not made.
func (t *table) made() error {
	if t == nil {
		return (*Store)(nil).made()
	}
	return nil
}

// keys are KEYS of the steps about one row.
func (t *table) keys(id string) []string {
	return []string{t.rowKey(id), t.tag + "ids", t.tag + "ends", t.marks.ends, t.marks.seconds}
}

func (t *table) rowKey(id string) string { return t.tag + "row:" + id }

// names are those by which a row is found, as a row has them.
func names(list ...string) string {
	all := strconv.Itoa(len(list))
	for _, name := range list {
		all += name
	}
	return all
}

// change makes a step that writes. Its words become errors of package auth.
func (t *table) change(ctx context.Context, st *step, id string, args ...string) (word string, rest []any, err error) {
	if err := t.made(); err != nil {
		return "", nil, err
	}
	reply, late, err := t.store.write(ctx, st, t.keys(id), append([]string{t.tag, id}, args...))
	if err != nil {
		return "", nil, err
	}
	if word, rest, err = answer(reply); err != nil {
		return "", nil, err
	}
	switch word {
	case "ok":
		return word, rest, late
	case "gone":
		return word, rest, auth.ErrNotFound
	case "taken", "changed":
		return word, rest, auth.ErrConflict
	case "full":
		return word, rest, auth.ErrFull
	case st.also:
		return word, rest, nil
	}
	return "", nil, errReply
}

// A row is a row as Redis has it. The content has no MAC, because it has been
// checked.
type row struct {
	version       uint64
	first, second int64 // microseconds
	names         string
	content       string
	former        bool // the MAC is under a former key
}

// open checks a row that Redis has returned for an id.
func (t *table) open(what, id, text string) (row, error) {
	const head = 48
	bad := sealError(what, id)
	if len(text) <= head {
		return row{}, bad
	}
	end := head + 1 + 22*int(text[head]-'0')
	if text[head] < '0' || text[head] > '9' || len(text) < end {
		return row{}, bad
	}
	r := row{names: text[head:end]}
	content, place := t.store.sealer.open(t.kind, id, r.names, text[end:])
	if place < 0 {
		return row{}, bad
	}
	r.content, r.former = content, place > 0
	var err [3]error
	r.version, err[0] = strconv.ParseUint(text[:16], 10, 64)
	r.first, err[1] = strconv.ParseInt(text[16:32], 10, 64)
	r.second, err[2] = strconv.ParseInt(text[32:48], 10, 64)
	for _, err := range err {
		if err != nil {
			return row{}, bad
		}
	}
	return r, nil
}

// versionText is a version as a row has it. A version that no row has is a text
// that no row has.
func versionText(version uint64) string { return fmt.Sprintf("%016d", version) }

var stepList = stepOf(0, "list", "rows")

// A page is what one step of a List has returned.
type page struct {
	now     int64 // microseconds
	last    string
	looked  int
	ids     []string
	content []string // of the rows
}

const pageStep = 250

// list calls each with the rows of an index, in the order of their ids, until
// each returns false. It makes as many steps as it takes.
func (t *table) list(ctx context.Context, index, after string, each func(now int64, id, text string) (more bool, err error)) error {
	if err := t.made(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longTime)
	defer cancel()
	for {
		p, err := t.page(ctx, index, after)
		if err != nil {
			return err
		}
		for i, id := range p.ids {
			if more, err := each(p.now, id, p.content[i]); err != nil || !more {
				return err
			}
		}
		if p.looked < pageStep {
			return nil
		}
		after = p.last
	}
}

func (t *table) page(ctx context.Context, index, after string) (p page, err error) {
	reply, err := t.store.read(ctx, stepList, []string{index}, []string{t.tag, after, strconv.Itoa(pageStep)})
	if err != nil {
		return p, err
	}
	list, _ := reply.([]any)
	if len(list) < 3 || len(list)%2 != 1 {
		return p, errReply
	}
	now, ok1 := list[0].(string)
	looked, ok2 := list[2].(int64)
	p.looked = int(looked)
	p.last, _ = list[1].(string)
	p.now, err = strconv.ParseInt(now, 10, 64)
	if !ok1 || !ok2 || err != nil {
		return p, errReply
	}
	for i := 3; i < len(list); i += 2 {
		id, ok1 := list[i].(string)
		text, ok2 := list[i+1].(string)
		if !ok1 || !ok2 {
			return p, errReply
		}
		p.ids, p.content = append(p.ids, id), append(p.content, text)
	}
	return p, nil
}

// ids is the index of all rows. by is the index of the rows with a name.
func (t *table) ids() string           { return t.tag + "ids" }
func (t *table) by(name string) string { return t.tag + "by:" + name }
func decimal(n int64) string           { return strconv.FormatInt(n, 10) }
