package demoschool

import (
	"math/rand/v2"
	"strings"
)

// Names are invented or everyday, and mixed by lot. The special ones are what
// a reader gets wrong: accents (composed and combining), apostrophes of both
// kinds, hyphens, particles, names of one word, scripts without an alphabet.
var (
	girls = strings.Fields(`Abril Amara Ayla Beatrix Briony Calista Clover Daria Delphine Elowen Esme Farah Fern
		Freya Ginevra Hattie Ida Imogen Ines Jemima Juno Kezia Lark Leonie Linnet Maeve Marigold Mila Nadia Niamh
		Ottilie Pearl Petra Quilla Rosalind Saffron Senna Tabitha Tamsin Una Verity Wren Xanthe Yara Zadie`)
	boys = strings.Fields(`Alaric Ambrose Anders Asher Barnaby Bram Caspian Cosmo Dashiell Dilan Edmund Emrys Ezra
		Felix Ferdie Gethin Hamza Hugo Idris Ivo Jago Jude Kit Leander Lorcan Magnus Milo Nico Noor Orson Otis Perran
		Piers Quentin Rafe Rohan Sacha Silas Tariq Tobias Ulric Viktor Wilf Yusuf Zeki`)
	surnames = strings.Fields(`Applewhite Ashgrove Barleymow Bellweather Birdwhistle Blackthorn Bramblecote Brightwater
		Burdock Cloudesley Copperfield Crabtree Cresswold Crumblehulme Dandridge Dewhollow Drakemoor Eastermead
		Elderflower Fairweather Featherstone Fernsby Foxglove Frostwick Garlick Gillyflower Goldsworthy Goosegrave
		Greengage Hartsease Hawksbeard Heatherly Hollowell Honeychurch Inkpen Ivorytoft Jessamy Kettleborrow Kingcup
		Kitewood Larkspur Lavenderby Lightowler Lovegrass Mallowfield Marchbanks Marshmere Meadowsweet Merriweather
		Mistlebank Moonlight Nettlefold Nightjar Oakapple Otterbourne Owlsworth Partridge Pennyroyal Periwinkle
		Piperwell Plumtree Quickbeam Quillfeather Ravenhill Reedmace Rosewarren Rushbrook Saltmarsh Sandpiper
		Silverdew Skylark Snowdrop Sorrel Starling Stonecrop Summerfold Swallowtail Sweetapple Tanglewood Teasel
		Thistledown Thornybush Tumbledown Underhill Vervain Wagtail Waterlily Weatherwax Whimbrel Willowherb
		Windermoor Winterbourne Woodruff Wrenfield Yarrowby Yellowhammer`)

	// Windows-1252 holds all of these: \u2019 is among its characters.
	westernSpecial = []fullName{
		{"Zoë", "O'Thistledown"}, {"François", "Müller-Larkspur"}, {"Seán", "Ó Briarthaigh"},
		{"Anne-Marie", "de la Forêt"}, {"D\u2019Arcy", "St John-Nettlefold"}, {"Søren", "Bjørnegård"},
		{"Þóra", "Ásgrímsdóttir"}, {"José María", "Peñaverde Núñez"}, {"Élodie", "L\u2019Œillet"},
		{"Mary Jane", "van der Plumtree"}, {"Strauß", "Großblüte"}, {"Ifan", "ap Gwyddfryn"},
	}
	otherSpecial = []fullName{
		{"Łucja", "Żurawińska"}, {"Çağla", "Işıkdağ"}, {"Renee\u0301", "Novotny\u0301-Hvězdová"},
		{"Олена", "Калинова"}, {"Ελπίδα", "Ανεμώνη"}, {"نور", "الياسمين"},
		{"小雪", "梅林"}, {"नीला", "फूलवाला"}, {"Siôn", "Tŷ-gŵyn"},
	}
	// Beyond the basic plane: two UTF-16 units a character, four UTF-8 bytes.
	surrogateSpecial = []fullName{
		{"桜", "𠮷野草"}, {"𞤀𞤥𞤭𞤲𞤢", "𞤔𞤢𞤤𞤮"}, {"蘭", "𡈽𠀋花"},
	}
)

type fullName struct{ forename, surname string }

// specialTurn deals the special names: to one pupil in nineteen, and to one in
// four of those with a care history, who are few and matter most. Negative
// means a plain name.
func specialTurn(i int, c care) int {
	switch {
	case c.authority != "" && c.turn%4 == 1:
		return c.turn / 4
	case c.authority == "" && i%19 == 4:
		return i / 19
	default:
		return -1
	}
}

func (s *School) specialName(turn int) fullName {
	if s.cfg.WesternNames {
		return westernSpecial[turn%len(westernSpecial)]
	}
	switch turn % 4 {
	case 0, 2:
		return westernSpecial[turn/2%len(westernSpecial)]
	case 1:
		return otherSpecial[turn/4%len(otherSpecial)]
	default:
		return surrogateSpecial[turn/4%len(surrogateSpecial)]
	}
}

func plainForename(r *rand.Rand, sex string) string {
	if sex == "F" {
		return pick(r, girls)
	}
	return pick(r, boys)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance is true in about p of 1,000 draws.
func chance(r *rand.Rand, p int) bool { return r.IntN(1000) < p }

// slug is the part of a name that can stand in an e-mail address.
func slug(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		default:
			return -1
		}
	}, name)
}
