package apikey

import (
	"hash"
	"os"
	"sync/atomic"
)

// Sync replaces how a FileStore makes a file or a folder durable.
func (s *FileStore) Sync(f func(*os.File) error) { s.file.sync = f }

// A Tally counts the work of Keys.
type Tally struct{ Hashes, Comparisons atomic.Int64 }

type countingHash struct {
	hash.Hash
	n *atomic.Int64
}

func (c countingHash) Sum(b []byte) []byte {
	c.n.Add(1)
	return c.Hash.Sum(b)
}

// Counted makes the Keys count their work.
func Counted(k *Keys) *Tally {
	tally := new(Tally)
	for _, h := range k.peppers {
		inner := h.states.New
		h.states.New = func() any {
			state := inner().(*hashState)
			state.mac = countingHash{state.mac, &tally.Hashes}
			return state
		}
	}
	k.compared = func() { tally.Comparisons.Add(1) }
	return tally
}

// Owners returns how many owners are remembered, and how many Lookups run.
func Owners(k *Keys) (remembered, running int) {
	k.owners.mu.Lock()
	defer k.owners.mu.Unlock()
	remembered, _ = k.owners.answers.Held()
	return remembered, len(k.owners.calls)
}

// Asking returns how many functions of the application run.
func Asking(k *Keys) int {
	if k.legacy != nil {
		return len(k.legacy.asker.places)
	}
	return len(k.owners.asker.places)
}

// ReadAgain reads the content of a file, and what a store would write of it.
func ReadAgain(src []byte, most int) (written []byte, err error) {
	t, err := readContent(src, most)
	if err != nil {
		return nil, err
	}
	return contentOf(&t, change{}, fileLines{})
}
