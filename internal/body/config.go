package body

import (
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Config has the fields for bodies that every Config of a layer that reads
// bodies has, under the same names. So the layers have the same defaults, and
// the same mistake has the same error.
type Config struct {
	// Source is the Limits.Source.
	Source       string
	MaxBodyBytes int64
	BodyTimeout  time.Duration
	MediaTypes   []string
	JSON         bulwark.JSONLimits
}

// Limits returns the limits that c stands for, and notes in faults what is
// wrong with it. The size and the media types are never left to their defaults;
// the media types are a copy.
func (c Config) Limits(faults *fault.List) Limits {
	for _, n := range [...]struct {
		field, text, otherwise string
		negative               bool
	}{
		{"MaxBodyBytes", strconv.FormatInt(c.MaxBodyBytes, 10), "1 MiB", c.MaxBodyBytes < 0},
		{"BodyTimeout", c.BodyTimeout.String(), "30 seconds", c.BodyTimeout < 0},
	} {
		if n.negative {
			negative(faults, n.field, n.text, n.otherwise)
		}
	}
	for i, name := range c.MediaTypes {
		parsed, params, err := mime.ParseMediaType(name)
		if err != nil || parsed != name || len(params) > 0 || !IsJSON(name) || !strings.Contains(name, "/") {
			faults.AddAt("MediaTypes", i, name, `is not a JSON type; write it in lower case and without parameters: "application/json" or one that ends in "+json"`)
		}
	}
	types := slices.Clone(c.MediaTypes)
	if len(types) == 0 {
		types = slices.Clone(defaultTypes)
	}
	size := c.MaxBodyBytes
	if size == 0 {
		size = defaultMax
	}
	return Limits{Source: c.Source, Max: size, MediaTypes: types, JSON: limitsOf(c.JSON, faults), Timeout: c.BodyTimeout}
}

// limitsOf turns what users write into what the decoder takes.
func limitsOf(l bulwark.JSONLimits, faults *fault.List) jsondoc.Limits {
	for _, n := range [...]struct {
		field     string
		value     int
		otherwise string
	}{
		{"MaxDepth", l.MaxDepth, "32"}, {"MaxKeys", l.MaxKeys, "1,000"}, {"MaxItems", l.MaxItems, "1,000"},
		{"MaxValues", l.MaxValues, "10,000"}, {"MaxStringBytes", l.MaxStringBytes, "MaxBodyBytes"}, {"MaxNameBytes", l.MaxNameBytes, "1,024"},
	} {
		if n.value < 0 {
			negative(faults, "JSON."+n.field, strconv.Itoa(n.value), n.otherwise)
		}
	}
	return jsondoc.Limits{Depth: l.MaxDepth, Keys: l.MaxKeys, Items: l.MaxItems,
		Values: l.MaxValues, String: l.MaxStringBytes, Name: l.MaxNameBytes}
}

func negative(faults *fault.List, field, value, otherwise string) {
	faults.Add(field, value, "is negative; write a positive value, or leave it out for the default of "+otherwise)
}
