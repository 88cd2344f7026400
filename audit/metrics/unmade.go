package metrics

import (
	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// unmade is a part that was measured by a Collector made without New.
type unmade struct{}

func (unmade) Build() (bulwark.Layer, error) { return nil, fault.Unmade("metrics", "New") }
