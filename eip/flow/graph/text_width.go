package graph

import "strings"

// widths are those of the letters from the space to the tilde in a common wide sans-serif,
// DejaVu Sans, in hundredths of the size, rounded up: pictures need no font, and their texts
// have room in others.
var widths = [...]uint8{
	32, 41, 46, 84, 64, 95, 78, 28, 39, 39, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54,
	100, 69, 69, 70, 77, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 39, 34, 39, 84, 50,
	50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
}

// textWidth is how wide a text of a size is at most.
func textWidth(text string, size float64, bold bool) float64 {
	sum := 0
	for _, r := range text {
		if i := int(r) - ' '; i >= 0 && i < len(widths) {
			sum += int(widths[i])
		} else {
			sum += 110
		}
	}
	w := float64(sum) * size / 100
	if bold {
		w *= 1.14
	}
	return float64(w) // so that no processor adds to it before it is rounded
}

// longest is how many letters of a label stand in one line.
const longest = 32

// lines breaks a label where it is longer, behind one of _.- where it has one.
func lines(label string) (all []string) {
	letters := []rune(label)
	for len(letters) > longest {
		at := longest
		for i := longest; i > longest/2; i-- {
			if strings.ContainsRune("_.- ", letters[i-1]) {
				at = i
				break
			}
		}
		all = append(all, string(letters[:at]))
		letters = letters[at:]
	}
	return append(all, string(letters))
}
