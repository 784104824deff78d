package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// distinct is how many different messages there are; longer runs repeat them.
const distinct = 10_000

// route is where a message belongs.
type route int

const (
	bigEU route = iota // total over 1000, from eu
	bigUS              // total over 1000, from us
	rest
	routes
)

var routeNames = [routes]string{"big_eu", "big_us", "rest"}

// order is a message of about 1 KiB. The two fields that are routed on stand in
// its middle.
type order struct {
	ID          string `json:"id"`
	Number      int    `json:"number"`
	Created     string `json:"created"`
	Source      string `json:"source"`
	Version     int    `json:"version"`
	Customer    person `json:"customer"`
	Lines       []line `json:"lines"`
	Currency    string `json:"currency"`
	Region      string `json:"region"`
	Total       int    `json:"total"`
	Gift        bool   `json:"gift"`
	Coupon      any    `json:"coupon"`
	Shipping    string `json:"shipping"`
	Weight      float64
	Warehouse   string   `json:"warehouse"`
	Tags        []string `json:"tags"`
	Comment     string   `json:"comment"`
	Trace       string   `json:"trace"`
	Description string   `json:"description"`
}

type person struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Street  string `json:"street"`
	City    string `json:"city"`
	Country string `json:"country"`
	Since   int    `json:"since"`
}

type line struct {
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

// corpus is made once, always the same.
var corpus = sync.OnceValue(func() (c struct {
	bodies [][]byte
	routes []route
}) {
	r := rand.New(rand.NewPCG(20, 26))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[r.IntN(36)]
		}
		return string(b)
	}
	for i := range distinct {
		o := order{ID: word(24), Number: i, Created: "2026-11-21T09:06:00Z", Source: "shop", Version: 3,
			Customer: person{word(14), word(10) + "@example.org", word(18), word(9), word(2), 2000 + r.IntN(26)},
			Lines:    []line{{word(10), 1 + r.IntN(9), r.Float64() * 100}, {word(10), 1 + r.IntN(9), r.Float64() * 100}},
			Currency: "EUR", Region: []string{"eu", "us", "asia"}[r.IntN(3)], Total: r.IntN(2000), Gift: r.IntN(5) == 0,
			Shipping: "express", Weight: r.Float64() * 10, Warehouse: word(6), Tags: []string{word(5), word(7)},
			Comment: "Leave it at the \"back door\", please", Trace: word(32)}
		body, err := json.Marshal(o)
		if err != nil {
			panic(err) // never: it is made of plain fields
		}
		o.Description = strings.Repeat("lorem ipsum ", 100)[:1024-len(body)]
		if body, err = json.Marshal(o); err != nil || len(body) != 1024 {
			panic(fmt.Sprintf("a message has %d bytes, %v", len(body), err))
		}
		to := rest
		switch {
		case o.Total > 1000 && o.Region == "eu":
			to = bigEU
		case o.Total > 1000 && o.Region == "us":
			to = bigUS
		}
		c.bodies, c.routes = append(c.bodies, body), append(c.routes, to)
	}
	return c
})

// expected is how many of the first n messages belong to each route.
func expected(n int) (counts [routes]int64) {
	c := corpus()
	for _, to := range c.routes {
		counts[to] += int64(n / distinct)
	}
	for _, to := range c.routes[:n%distinct] {
		counts[to]++
	}
	return counts
}
