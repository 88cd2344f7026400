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

// Config is what the Config of a layer that reads bodies says of them, by the
// same names. So the layers have the same defaults, and the same mistakes have
// the same errors.
type Config struct {
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
		field string
		value int64
	}{{"MaxBodyBytes", c.MaxBodyBytes}, {"BodyTimeout", int64(c.BodyTimeout)}} {
		notNegative(faults, n.field, n.value)
	}
	for i, name := range c.MediaTypes {
		parsed, params, err := mime.ParseMediaType(name)
		if err != nil || parsed != name || len(params) > 0 || !IsJSON(name) || !strings.Contains(name, "/") {
			faults.AddAt("MediaTypes", i, name, `must be a JSON type, in lower case and without parameters: "application/json" or one that ends in "+json"`)
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
	return Limits{Max: size, MediaTypes: types, JSON: limitsOf(c.JSON, faults), Timeout: c.BodyTimeout}
}

// limitsOf turns what users write into what the decoder takes.
func limitsOf(l bulwark.JSONLimits, faults *fault.List) jsondoc.Limits {
	for _, n := range [...]struct {
		field string
		value int
	}{
		{"MaxDepth", l.MaxDepth}, {"MaxKeys", l.MaxKeys}, {"MaxItems", l.MaxItems},
		{"MaxValues", l.MaxValues}, {"MaxStringBytes", l.MaxStringBytes}, {"MaxNameBytes", l.MaxNameBytes},
	} {
		notNegative(faults, "JSON."+n.field, int64(n.value))
	}
	return jsondoc.Limits{Depth: l.MaxDepth, Keys: l.MaxKeys, Items: l.MaxItems,
		Values: l.MaxValues, String: l.MaxStringBytes, Name: l.MaxNameBytes}
}

func notNegative(faults *fault.List, field string, n int64) {
	if n < 0 {
		faults.Add(field, strconv.FormatInt(n, 10), "is negative; leave it out for the default")
	}
}
