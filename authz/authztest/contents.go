package authztest

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// contents is what an answer holds.
type contents struct {
	json    bool     // the whole answer is JSON
	paths   []string // of its values, sorted
	objects []object
}

// An object is a JSON object in an answer.
type object struct {
	path  string // such as "items[]", and "" for the answer itself
	names []string
	text  string // without insignificant space
}

// at returns the path of a field of the object.
func (o *object) at(name string) string { return join(o.path, name) }

func join(path, name string) string {
	if path == "" {
		return plain(name)
	}
	return path + "." + plain(name)
}

// plain returns a name as the file shows it. A name with other characters than
// those of an identifier is quoted, so that it cannot look like two names.
func plain(name string) string {
	odd := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' }
	if name == "" || strings.IndexFunc(name, odd) >= 0 {
		return strings.ReplaceAll(strconv.QuoteToASCII(name), "|", `\x7c`)
	}
	return name
}

// read reads an answer. Its objects are also found in text, in lines and in
// strings, such as those of an event stream or of a script. The Content-Type
// does not matter.
func read(body []byte) contents {
	var c contents
	if s := (scan{text: body}); s.all() == nil {
		c.json = len(s.paths) > 0
		c.paths, c.objects = s.paths, s.objects
	} else {
		c.objects = within(body, "")
	}
	slices.Sort(c.paths)
	c.paths = slices.Compact(c.paths)
	return c
}

// within returns the objects that stand anywhere in a text.
func within(text []byte, path string) (found []object) {
	for {
		at := bytes.IndexByte(text, '{')
		if at < 0 {
			return found
		}
		text = text[at:]
		s := scan{text: text}
		if s.begin(); s.value(path) != nil {
			text = text[1:]
			continue
		}
		found = append(found, s.objects...)
		text = text[s.decoder.InputOffset():]
	}
}

// A scan walks through JSON. Unlike a map it sees a name that an object has
// twice.
type scan struct {
	text    []byte
	decoder *json.Decoder
	paths   []string
	objects []object
}

func (s *scan) begin() {
	s.decoder = json.NewDecoder(bytes.NewReader(s.text))
	s.decoder.UseNumber()
}

// all reads one value after the other, to the end of the text.
func (s *scan) all() error {
	s.begin()
	for {
		if err := s.value(""); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// value reads one value.
func (s *scan) value(path string) error {
	token, err := s.decoder.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return s.object(path)
		}
		return s.array(path)
	case string:
		s.objects = append(s.objects, within([]byte(token), path)...)
	}
	if path == "" {
		path = "(value)"
	}
	s.paths = append(s.paths, path)
	return nil
}

// object reads the rest of an object.
func (s *scan) object(path string) error {
	start := s.decoder.InputOffset() - 1
	o := object{path: path}
	for s.decoder.More() {
		token, err := s.decoder.Token()
		if err != nil {
			return unfinished(err)
		}
		name := token.(string)
		o.names = append(o.names, name)
		if err := s.value(join(path, name)); err != nil {
			return unfinished(err)
		}
	}
	if _, err := s.decoder.Token(); err != nil {
		return unfinished(err)
	}
	if len(o.names) == 0 {
		s.paths = append(s.paths, path+"{}")
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, s.text[start:s.decoder.InputOffset()]); err != nil {
		return err
	}
	o.text = compact.String()
	s.objects = append(s.objects, o)
	return nil
}

// array reads the rest of an array.
func (s *scan) array(path string) error {
	empty := true
	for s.decoder.More() {
		empty = false
		if err := s.value(path + "[]"); err != nil {
			return unfinished(err)
		}
	}
	if empty {
		s.paths = append(s.paths, path+"[]")
	}
	_, err := s.decoder.Token()
	return unfinished(err)
}

// unfinished keeps the end of the text within a value apart from the end after
// the last value.
func unfinished(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
