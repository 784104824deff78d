package main

import (
	"image/color"
	"math"
	"math/cmplx"
)

// rgb is a colour of light, each part from 0 to 1.
type rgb struct{ r, g, b float64 }

func hex(c uint32) rgb {
	part := func(shift int) float64 { return float64(c>>shift&0xff) / 255 }
	return rgb{part(16), part(8), part(0)}
}

func (c rgb) add(d rgb) rgb       { return rgb{c.r + d.r, c.g + d.g, c.b + d.b} }
func (c rgb) times(f float64) rgb { return rgb{c.r * f, c.g * f, c.b * f} }
func mix(a, b rgb, f float64) rgb { return a.times(1 - f).add(b.times(f)) }
func clamp(f float64) float64     { return max(0, min(1, f)) }
func ramp(from, to, x float64) float64 { // 0 before from, 1 after to, smooth between
	f := clamp((x - from) / (to - from))
	return f * f * (3 - 2*f)
}

func (c rgb) rgba() color.RGBA {
	part := func(f float64) uint8 { return uint8(clamp(f)*255 + 0.5) }
	return color.RGBA{part(c.r), part(c.g), part(c.b), 255}
}

// blend runs through colours of equal distance.
func blend(f float64, colors ...rgb) rgb {
	f = clamp(f) * float64(len(colors)-1)
	i := min(int(f), len(colors)-2)
	return mix(colors[i], colors[i+1], f-float64(i))
}

// hash is a number from 0 to 1 for a point of a grid.
func hash(x, y, seed int) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77 ^ uint32(seed)*0xc2b2ae3d
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return float64(h) / math.MaxUint32
}

// noise is smooth between the points of the grid, from -1 to 1.
func noise(x, y float64, seed int) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := ramp(0, 1, x-x0), ramp(0, 1, y-y0)
	at := func(dx, dy int) float64 { return hash(int(x0)+dx, int(y0)+dy, seed) }
	top := at(0, 0)*(1-fx) + at(1, 0)*fx
	bottom := at(0, 1)*(1-fx) + at(1, 1)*fx
	return 2*(top*(1-fy)+bottom*fy) - 1
}

// rough adds finer and finer noise.
func rough(x, y float64, octaves, seed int) float64 {
	sum, size := 0.0, 0.5
	for i := range octaves {
		sum += size * noise(x, y, seed+i)
		x, y, size = 2*x+17, 2*y+5, size/2
	}
	return sum
}

// A light is what the colours of a landscape come from.
type light struct {
	sky    []rgb
	far    rgb
	near   rgb
	sun    rgb
	sunX   float64
	sunY   float64
	radius float64
}

var (
	dusk = light{[]rgb{hex(0x2b2f6b), hex(0x7a4f8f), hex(0xe58a73), hex(0xfbd08b)}, hex(0xc98a8c), hex(0x1d1836), hex(0xfff1c4), 0.98, 0.50, 0.055}
	noon = light{[]rgb{hex(0x3f86c9), hex(0x8fc1e6), hex(0xe6f2f5)}, hex(0xb9d3dc), hex(0x23402f), hex(0xffffff), 2.6, 0.16, 0.04}
)

// mountains are ridges one before the other, the far ones pale with air.
func mountains(l light, ridges, seed int) painter {
	return func(x, y float64) rgb {
		c := blend(y/0.75, l.sky...)
		away := math.Hypot(x-l.sunX, y-l.sunY)
		c = mix(c, l.sun, 0.55*math.Exp(-away*away/0.05)+0.9*ramp(l.radius+0.002, l.radius-0.002, away))
		for i := range ridges {
			near := float64(i+1) / float64(ridges)
			top := 0.42 + 0.48*near - 0.34*(1.1-near*0.6)*math.Abs(rough(x*(1.3+1.6*near)+float64(7*i), float64(i), 7, seed+20*i))
			if y < top {
				continue
			}
			rock := 0.06 * near * rough(x*60, y*90, 3, seed+20*i+9)
			c = mix(l.far, l.near, near).times(1 + rock)
			c = mix(c, l.far, 0.5*ramp(0, 0.35, y-top)*(1-near)) // mist in the valleys
		}
		return c
	}
}

// sea is a sun that sets over water.
func sea(x, y float64) rgb {
	const horizon, sunX, sunY = 0.56, 0.375, 0.46
	sky := func(y float64) rgb {
		return blend(y/horizon, hex(0x22396b), hex(0x6f5a94), hex(0xe77f67), hex(0xffc46b))
	}
	if y < horizon {
		clouds := ramp(0.02, 0.5, rough(x*2.2, y*11, 5, 41)) * ramp(0.02, 0.2, y)
		c := mix(sky(y), hex(0xffd9a8), 0.65*clouds)
		away := math.Hypot(x-sunX, y-sunY)
		return mix(c, hex(0xfff3cf), 0.5*math.Exp(-away*away/0.03)+0.95*ramp(0.062, 0.059, away))
	}
	depth := (y - horizon) / (1 - horizon)
	wave := rough(x*9/(0.25+depth), 26*math.Log(0.04+depth), 4, 77)
	c := mix(sky(horizon-0.9*(y-horizon)), hex(0x10294a), 0.35+0.45*depth)
	glitter := math.Exp(-math.Pow((x-sunX)/(0.05+0.16*depth), 2)) * ramp(-0.1, 0.45, wave)
	return mix(c.times(1+0.35*wave), hex(0xffdf9c), 0.85*glitter)
}

// julia is the Julia set of one constant, by how fast its points escape.
func julia(x, y float64) rgb {
	z, c := complex(2.5*(x-0.75), 2.5*(y-0.5)), complex(-0.7269, 0.1889)
	const most = 180
	for i := range most {
		if a := cmplx.Abs(z); a > 16 {
			smooth := float64(i) + 1 - math.Log2(math.Log(a)/math.Log(16))
			return blend(math.Pow(smooth/90, 0.55), hex(0x071a33), hex(0x14507a), hex(0x3ca6a6), hex(0xf2d58a), hex(0xd9673f), hex(0x40122b))
		}
		z = z*z + c
	}
	return hex(0x0b0614)
}

// night is a moon over hills.
func night(x, y float64) rgb {
	c := blend(y, hex(0x050b20), hex(0x12295a), hex(0x35598c))
	const cell = 0.025
	i, j := int(x/cell), int(y/cell)
	if bright := hash(i, j, 5); bright > 0.8 {
		sx, sy := (float64(i)+0.2+0.6*hash(i, j, 6))*cell, (float64(j)+0.2+0.6*hash(i, j, 7))*cell
		c = mix(c, hex(0xffffff), (bright-0.8)*5*ramp(0.0022, 0.0008, math.Hypot(x-sx, y-sy)))
	}
	away := math.Hypot(x-0.98, y-0.26)
	c = mix(c, hex(0x8fb4e8), 0.35*math.Exp(-away*away/0.03))
	if away < 0.092 {
		c = mix(c, hex(0xf4f1de).times(0.93+0.12*rough(x*14, y*14, 3, 61)), ramp(0.092, 0.089, away))
	}
	for n, hill := range []rgb{hex(0x1b3157), hex(0x0f1d3a), hex(0x060b1a)} {
		if y > 0.72+0.09*float64(n)+0.13*rough(x*(1.5+float64(n)), 0, 3, 90+n) {
			c = hill
		}
	}
	return c
}
