package body_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

func TestConfig(t *testing.T) {
	types := []string{"application/json", "application/x+json"}
	faults := fault.In("layer")
	got := body.Config{MaxBodyBytes: 1, BodyTimeout: time.Second, MediaTypes: types,
		JSON: bulwark.JSONLimits{MaxDepth: 2, MaxKeys: 3, MaxItems: 4, MaxValues: 5, MaxStringBytes: 6, MaxNameBytes: 7}}.Limits(faults)
	want := body.Limits{Max: 1, Timeout: time.Second, MediaTypes: []string{"application/json", "application/x+json"},
		JSON: jsondoc.Limits{Depth: 2, Keys: 3, Items: 4, Values: 5, String: 6, Name: 7}}
	if err := faults.Err(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Limits = %+v, %v; want %+v", got, err, want)
	}
	types[0] = "text/plain"
	if !reflect.DeepEqual(got, want) {
		t.Error("the media types are not copied")
	}
}

func TestConfigDefaults(t *testing.T) {
	faults := fault.In("layer")
	first, second := body.Config{}.Limits(faults), body.Config{}.Limits(faults)
	want := []string{"application/json", "application/merge-patch+json"}
	if err := faults.Err(); err != nil || first.Max != 1<<20 || !reflect.DeepEqual(first.MediaTypes, want) {
		t.Errorf("size %d, media types %q, %v", first.Max, first.MediaTypes, err)
	}
	first.MediaTypes[0] = "text/plain"
	if !reflect.DeepEqual(second.MediaTypes, want) {
		t.Error("two layers share their media types")
	}
}

func TestConfigFaults(t *testing.T) {
	faults := fault.In("layer")
	body.Config{MaxBodyBytes: -1, BodyTimeout: -1,
		MediaTypes: []string{"application/json", "text/plain", "Application/JSON", "application/json; charset=utf-8", "/", "+json", "application/x+json"},
		JSON:       bulwark.JSONLimits{MaxDepth: -1, MaxKeys: -2, MaxItems: -3, MaxValues: -4, MaxStringBytes: -5, MaxNameBytes: -6}}.Limits(faults)
	var got []string
	for _, err := range faults.Err().(interface{ Unwrap() []error }).Unwrap() {
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || wrong.Reason == "" {
			t.Fatalf("%v is not a ConfigError", err)
		}
		got = append(got, wrong.Field+" "+wrong.Value)
	}
	want := []string{"layer.MaxBodyBytes -1", "layer.BodyTimeout -1ns",
		"layer.MediaTypes[1] text/plain", "layer.MediaTypes[2] Application/JSON", "layer.MediaTypes[3] application/json; charset=utf-8",
		"layer.MediaTypes[4] /", "layer.MediaTypes[5] +json",
		"layer.JSON.MaxDepth -1", "layer.JSON.MaxKeys -2", "layer.JSON.MaxItems -3",
		"layer.JSON.MaxValues -4", "layer.JSON.MaxStringBytes -5", "layer.JSON.MaxNameBytes -6"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
