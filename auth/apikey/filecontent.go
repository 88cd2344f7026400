package apikey

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	fileFormat  = "bulwark API keys"
	fileVersion = 1
)

// fileContent is the content of the file of a [FileStore].
type fileContent struct {
	Format  string      `json:"format"`
	Version int         `json:"version"`
	Keys    []fileKey   `json:"keys"`
	Owners  []fileOwner `json:"owners"`
}

type fileKey struct {
	ID            fileText       `json:"id"`
	Version       uint64         `json:"version"`
	Family        fileText       `json:"family"`
	Name          fileText       `json:"name,omitempty"`
	Issuer        fileText       `json:"issuer"`
	Subject       fileText       `json:"subject"`
	Roles         []fileText     `json:"roles,omitempty"`
	Scopes        []fileText     `json:"scopes,omitempty"`
	Tier          fileText       `json:"tier,omitempty"`
	Networks      []netip.Prefix `json:"networks,omitempty"`
	Secrets       []fileSecret   `json:"secrets,omitempty"`
	CreatedAt     time.Time      `json:"created_at,omitzero"`
	ExpiresAt     time.Time      `json:"expires_at"`
	Adopted       bool           `json:"adopted,omitempty"`
	RevokedAt     time.Time      `json:"revoked_at,omitzero"`
	LastUsed      time.Time      `json:"last_used,omitzero"`
	StaleReported time.Time      `json:"stale_reported,omitzero"`
}

type fileSecret struct {
	Hash      fileHash  `json:"hash"`
	Pepper    int       `json:"pepper"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
}

type fileOwner struct {
	Issuer  fileText  `json:"issuer"`
	Subject fileText  `json:"subject"`
	Until   time.Time `json:"until"`
	Expires time.Time `json:"expires"`
}

// A fileHash is a hash, in base64.
type fileHash [32]byte

// MarshalText encodes the hash.
func (h fileHash) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, h[:]), nil
}

// UnmarshalText decodes a hash of exactly 32 bytes.
func (h *fileHash) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("a hash must be 32 bytes in base64")
	}
	*h = fileHash(b)
	return nil
}

// A fileText is a text of any bytes. JSON holds only UTF-8, so another text is
// in base64 behind a mark.
type fileText string

const (
	base64Mark = "base64:"
	plainMark  = "text:" // before a text that begins with a mark itself
)

// MarshalText encodes the text.
func (t fileText) MarshalText() ([]byte, error) {
	text := string(t)
	switch {
	case !utf8.ValidString(text):
		return []byte(base64Mark + base64.StdEncoding.EncodeToString([]byte(text))), nil
	case strings.HasPrefix(text, base64Mark), strings.HasPrefix(text, plainMark):
		return []byte(plainMark + text), nil
	}
	return []byte(text), nil
}

// UnmarshalText decodes a text.
func (t *fileText) UnmarshalText(b []byte) error {
	text := string(b)
	if rest, marked := strings.CutPrefix(text, base64Mark); marked {
		raw, err := base64.StdEncoding.Strict().DecodeString(rest)
		*t = fileText(raw)
		return err
	}
	*t = fileText(strings.TrimPrefix(text, plainMark))
	return nil
}

func toFile(list []string) (texts []fileText) {
	for _, text := range list {
		texts = append(texts, fileText(text))
	}
	return texts
}

func fromFile(texts []fileText) (list []string) {
	for _, text := range texts {
		list = append(list, string(text))
	}
	return slices.Clip(list)
}

// fileLines are the lines of keys as the file has them, by the id of the key.
// They save a change from encoding the keys that it does not change.
type fileLines map[string]fileLine

type fileLine struct {
	text  []byte
	state lineState
}

// A lineState is what changes whenever a record changes.
type lineState struct {
	version     uint64
	used, stale time.Time
}

func stateOf(rec *Record) lineState { return lineState{rec.Version, rec.LastUsed, rec.StaleReported} }

// of returns the line of the record.
func (l fileLines) of(rec *Record) ([]byte, error) {
	if line, has := l[rec.ID]; has && line.state == stateOf(rec) {
		return line.text, nil
	}
	text, err := json.Marshal(keyToFile(rec))
	if err == nil {
		l[rec.ID] = fileLine{text, stateOf(rec)}
	}
	return text, err
}

// check returns an error if the line of the key cannot be read again: the whole
// file could not be opened then.
func (l fileLines) check(id string, max int) error {
	text := fmt.Appendf(nil, `{"format":%q,"version":%d,"keys":[%s],"owners":[]}`, fileFormat, fileVersion, l[id].text)
	if _, err := readContent(text, max); err != nil {
		return fmt.Errorf("the record cannot be kept: %w", err)
	}
	return nil
}

// contentOf is the content of the file after the change: a line for each key
// and each mark, in the order of their ids.
func contentOf(t *table, c change, lines fileLines) ([]byte, error) {
	keys, owners := maps.Clone(t.keys), maps.Clone(t.owners)
	for _, id := range c.drop {
		delete(keys, id)
		delete(lines, id)
	}
	for _, whose := range c.forget {
		delete(owners, whose)
	}
	if c.put != nil {
		if old := keys[c.put.ID]; old != nil {
			c.put.LastUsed, c.put.StaleReported = old.LastUsed, old.StaleReported
		} else if keys == nil {
			keys = map[string]*Record{}
		}
		keys[c.put.ID] = c.put
	}
	if !c.mark.expires.IsZero() {
		if owners == nil {
			owners = map[owner]ownerMark{}
		}
		owners[c.whose] = c.mark
	}
	text := fmt.Appendf(nil, `{"format":%q,"version":%d,"keys":[`, fileFormat, fileVersion)
	for i, id := range slices.Sorted(maps.Keys(keys)) {
		line, err := lines.of(keys[id])
		if err != nil {
			return nil, err
		}
		text = appendLine(text, i, line)
	}
	text = append(text, "\n],\"owners\":["...)
	for i, whose := range slices.SortedFunc(maps.Keys(owners), owner.compare) {
		mark := owners[whose]
		line, err := json.Marshal(fileOwner{fileText(whose.issuer), fileText(whose.subject), inFile(mark.until), inFile(mark.expires)})
		if err != nil {
			return nil, err
		}
		text = appendLine(text, i, line)
	}
	return append(text, "\n]}\n"...), nil
}

func appendLine(text []byte, i int, line []byte) []byte {
	if i > 0 {
		text = append(text, ',')
	}
	return append(append(text, '\n'), line...)
}

func (o owner) compare(other owner) int {
	return cmp.Or(strings.Compare(o.issuer, other.issuer), strings.Compare(o.subject, other.subject))
}

// inFile is a time as the file has it. RFC 3339 has no years beyond 9999, and a
// wrong year must not make the whole store fail.
func inFile(at time.Time) time.Time {
	at = at.UTC()
	if at.Year() > 9999 {
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return at
}

func keyToFile(rec *Record) fileKey {
	key := fileKey{
		ID: fileText(rec.ID), Version: rec.Version, Family: fileText(rec.Family), Name: fileText(rec.Name),
		Issuer: fileText(rec.Issuer), Subject: fileText(rec.Subject), Roles: toFile(rec.Roles), Scopes: toFile(rec.Scopes), Tier: fileText(rec.Tier),
		Networks: rec.Networks, CreatedAt: inFile(rec.CreatedAt), ExpiresAt: inFile(rec.ExpiresAt), Adopted: rec.Adopted,
		RevokedAt: inFile(rec.RevokedAt), LastUsed: inFile(rec.LastUsed), StaleReported: inFile(rec.StaleReported),
	}
	for _, s := range rec.Secrets {
		key.Secrets = append(key.Secrets, fileSecret{s.Hash, s.Pepper, inFile(s.CreatedAt), inFile(s.NotAfter)})
	}
	return key
}

func keyFromFile(key fileKey) *Record {
	rec := &Record{
		ID: string(key.ID), Version: key.Version, Family: string(key.Family), Name: string(key.Name),
		Issuer: string(key.Issuer), Subject: string(key.Subject), Roles: fromFile(key.Roles), Scopes: fromFile(key.Scopes), Tier: string(key.Tier),
		Networks: slices.Clip(key.Networks), CreatedAt: key.CreatedAt, ExpiresAt: key.ExpiresAt, Adopted: key.Adopted,
		RevokedAt: key.RevokedAt, LastUsed: key.LastUsed, StaleReported: key.StaleReported,
	}
	for _, s := range key.Secrets {
		rec.Secrets = append(rec.Secrets, Secret{s.Hash, s.Pepper, s.CreatedAt, s.NotAfter})
	}
	return rec
}

// mostBytes bounds a file of max keys and max marks. The largest key that Issue
// makes has 64 roles, scopes and networks.
func mostBytes(max int) int {
	return int(min(1<<20+int64(max)*(32<<10), math.MaxInt)) // an int may have 32 bits
}

// readContent reads a file strictly. Its errors do not repeat the content.
func readContent(src []byte, max int) (t table, err error) {
	v, err := jsondoc.DecodeValue(src, jsondoc.Limits{Bytes: mostBytes(max), Depth: 8, Keys: 64 * (max + 1), Items: max + 128,
		Values: 1 << 31 / 4, ExactNames: true})
	if err != nil {
		return t, fmt.Errorf("it is not JSON as this package writes it: %w", err)
	}
	var f fileContent
	if top, ok := v.(map[string]any); !ok || top["format"] != fileFormat {
		return t, errors.New("it is not a file of API keys")
	} else if number, ok := top["version"].(json.Number); !ok || number != "1" {
		return t, errors.New("it is of another version than 1; a later version of this package has written it")
	}
	if at := stray(v, reflect.TypeOf(f)); at != "" {
		return t, fmt.Errorf("%s is unknown, missing or null", at)
	}
	if err := jsondoc.Bind(v, &f); err != nil {
		return t, err
	}
	return tableOf(f, max)
}

// stray returns the place of a member that the type does not have, or that it
// must have and has not. Places are written in the names of the type.
func stray(v any, typ reflect.Type) string {
	switch v := v.(type) {
	case map[string]any:
		fields := jsondoc.Fields(typ)
		found := 0
		for _, field := range fields {
			member, has := v[field.Name]
			optional := strings.Contains(field.Go.Tag.Get("json"), ",")
			if !has && !optional || has && member == nil {
				return field.Name
			}
			if !has {
				continue
			}
			found++
			if at := stray(member, field.Go.Type); at != "" {
				return field.Name + "." + at
			}
		}
		if found != len(v) && len(fields) > 0 {
			return "a member"
		}
	case []any:
		elem := jsondoc.Elem(typ)
		for i, item := range v {
			if item == nil {
				return fmt.Sprintf("[%d]", i)
			}
			if elem == nil {
				continue
			}
			if at := stray(item, elem); at != "" {
				return fmt.Sprintf("[%d].%s", i, at)
			}
		}
	}
	return ""
}

func tableOf(f fileContent, max int) (t table, err error) {
	if len(f.Keys) > max || len(f.Owners) > max {
		return t, fmt.Errorf("it has %d keys and %d marks of owners, and the max of OpenFile is %d", len(f.Keys), len(f.Owners), max)
	}
	t = table{keys: make(map[string]*Record, len(f.Keys)), owners: make(map[owner]ownerMark, len(f.Owners))}
	for i, key := range f.Keys {
		rec := keyFromFile(key)
		switch {
		case t.keys[rec.ID] != nil:
			return t, fmt.Errorf("keys[%d] has the id of another key", i)
		case rec.Version == 0:
			return t, fmt.Errorf("keys[%d] has the version 0", i)
		}
		t.keys[rec.ID] = rec
	}
	for i, mark := range f.Owners {
		whose := owner{string(mark.Issuer), string(mark.Subject)}
		if _, twice := t.owners[whose]; twice {
			return t, fmt.Errorf("owners[%d] is an owner who has another mark", i)
		}
		t.owners[whose] = ownerMark{mark.Until, mark.Expires}
	}
	return t, nil
}
