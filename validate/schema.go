package validate

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// A Schema is the source of a JSON Schema (draft 2020-12): a text
// ([SchemaJSON]) or a file ([SchemaFS]). The zero Schema means that there is no
// schema. [New] reads and compiles the schema, and reports its mistakes.
//
// The time of New grows with the square of the number of schemas in one
// document. New takes about a second for a document of 400 KB.
type Schema struct {
	text string
	name string
	fsys fs.FS
	set  bool
}

// SchemaJSON returns the schema in text. A $ref may lead to the schema itself
// and to its $defs. Any other $ref is an error of [New]: nothing is loaded from
// a network or a disk.
func SchemaJSON(text string) Schema { return Schema{text: text, set: true} }

// SchemaFS returns the schema in the file name of fsys, such as an embed.FS. A
// relative $ref leads to another file of fsys. Any other $ref is an error of
// [New].
func SchemaFS(fsys fs.FS, name string) Schema { return Schema{fsys: fsys, name: name, set: true} }

// url is the name under which the schema is compiled, and which the mistakes in
// it begin with; part is "Body", "Query", "Path" or "Header".
func (s Schema) url(part string) string {
	if s.fsys != nil {
		return schema.Base + s.name
	}
	return schema.Base + url.PathEscape("the schema of validate.Config."+part)
}

// read returns the text of the schema itself.
func (s Schema) read() (string, error) {
	switch {
	case s.fsys != nil:
		return readFile(s.fsys, s.name)
	case s.name != "":
		return "", errors.New("has no file system; give SchemaFS one, such as an embed.FS")
	}
	return s.text, nil
}

// load returns the text of another schema that this one refers to.
func (s Schema) load(url string) (string, error) {
	name, ok := strings.CutPrefix(url, schema.Base)
	if s.fsys == nil || !ok {
		return "", errors.New("is another document and is not loaded; put its schema under $defs, or use SchemaFS and a relative $ref")
	}
	return readFile(s.fsys, name)
}

func readFile(fsys fs.FS, name string) (string, error) {
	if !fs.ValidPath(name) || path.Clean(name) != name {
		return "", errors.New("is not a path within the file system of SchemaFS; write it with slashes, without a leading slash and without dots")
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return "", fmt.Errorf("cannot be read from the file system of SchemaFS: %w", err)
	}
	return string(text), nil
}
