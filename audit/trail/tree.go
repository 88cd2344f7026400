package trail

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"math/bits"
)

// A sum is a hash of the tree (RFC 6962 section 2.1).
type sum [sha256.Size]byte

// The prefixes that keep leaves and nodes apart (RFC 6962 section 2.1).
const (
	leafPrefix = 0
	nodePrefix = 1
)

// node is the hash of two subtrees.
func node(left, right sum) sum {
	var both [1 + 2*sha256.Size]byte
	both[0] = nodePrefix
	copy(both[1:], left[:])
	copy(both[1+sha256.Size:], right[:])
	return sha256.Sum256(both[:])
}

// A tree is a Merkle tree of which only the frontier is kept: the roots of the
// complete subtrees, one for each bit that is set in size, the largest first.
// The zero tree is empty.
type tree struct {
	size     int64
	frontier [64]sum
	height   int // how many hashes of the frontier are in use
}

// add appends a leaf by its hash.
func (t *tree) add(leaf sum) {
	for n := t.size; n&1 == 1; n >>= 1 {
		t.height--
		leaf = node(t.frontier[t.height], leaf)
	}
	t.frontier[t.height] = leaf
	t.height++
	t.size++
}

// root is the hash of the whole tree.
func (t *tree) root() sum {
	if t.height == 0 {
		return sha256.Sum256(nil)
	}
	root := t.frontier[t.height-1]
	for i := t.height - 2; i >= 0; i-- {
		root = node(t.frontier[i], root)
	}
	return root
}

// treeOf returns the tree with that size and frontier. It reports false for a
// frontier that no tree of the size has.
func treeOf(size int64, frontier []sum) (tree, bool) {
	if size < 0 || len(frontier) != bits.OnesCount64(uint64(size)) {
		return tree{}, false
	}
	t := tree{size: size, height: len(frontier)}
	copy(t.frontier[:], frontier)
	return t, true
}

// A leaf hashes one line as it is written, in pieces.
type leaf struct {
	state  hash.Hash
	begun  bool
	prefix [1]byte // here, and not on the stack, because a hash.Hash takes them
	result sum
}

// write adds bytes of the line.
func (l *leaf) write(p []byte) {
	if l.state == nil {
		l.state = sha256.New()
	}
	if !l.begun {
		l.state.Reset()
		l.prefix[0] = leafPrefix
		l.state.Write(l.prefix[:])
		l.begun = true
	}
	l.state.Write(p)
}

// end returns the hash of the line, and makes ready for the next.
func (l *leaf) end() sum {
	l.state.Sum(l.result[:0])
	l.begun = false
	return l.result
}

// base64Of is how hashes are written.
func base64Of(p []byte) string { return base64.StdEncoding.EncodeToString(p) }
