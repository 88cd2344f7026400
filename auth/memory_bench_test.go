package auth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

func BenchmarkRevoked(b *testing.B) {
	now := time.Now()
	p := &bulwark.Principal{Issuer: "https://issuer.example", Subject: "0b6ff7f2-6a2e-4c4b-9d55-58b9c1f1a111", IssuedAt: now,
		TokenID: "5c3b1df0-8f0f-4ac8-93a1-7cb0f36f3d12", SessionID: "c1b9c1b0-19d1-4b40-8c5c-5d1d1f0e4d77"}
	full := func(more ...auth.Revocation) *auth.MemoryRevocations {
		m := &auth.MemoryRevocations{}
		for i := range 90_000 {
			id := fmt.Sprint("id-", i)
			more = append(more, [...]auth.Revocation{{TokenID: id}, {SessionID: id}, {Subject: id, IssuedUntil: now}}[i%3])
		}
		for _, r := range more {
			r.Issuer = p.Issuer
			if err := m.Revoke(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
		return m
	}
	for _, test := range []struct {
		name string
		m    *auth.MemoryRevocations
	}{
		{"empty", &auth.MemoryRevocations{}},
		{"miss", full()},
		{"token", full(auth.Revocation{TokenID: p.TokenID})},
		{"subject", full(auth.Revocation{Subject: p.Subject, IssuedUntil: now})},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.m.Revoked(b.Context(), p)
			}
		})
		b.Run(test.name+"-parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					test.m.Revoked(b.Context(), p)
				}
			})
		})
	}
}

func BenchmarkRevoke(b *testing.B) {
	m := &auth.MemoryRevocations{Max: 1 << 30}
	i := 0
	b.ReportAllocs()
	for b.Loop() { // as many are forgotten as are added
		i++
		r := auth.Revocation{Issuer: "https://issuer.example", TokenID: fmt.Sprint("5c3b1df0-8f0f-4ac8-93a1-", i), Expires: time.Now().Add(100 * time.Millisecond)}
		if err := m.Revoke(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
