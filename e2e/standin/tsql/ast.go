package tsql

import "rollbridge/e2e/standin/sqltype"

// An expr is one of the nodes below. Those that isCondition names are
// conditions, the others values; T-SQL lets neither stand for the other.
type expr interface{}

type (
	literal struct {
		kind  tokenKind // tokText tokNText tokWhole tokDecimal tokFloat tokBinary
		text  string
		minus bool // of a number
	}
	nullLiteral struct{}
	defaultWord struct{} // DEFAULT in VALUES
	parameter   struct{ name string }
	columnRef   struct{ schema, table, name string }
	negative    struct{ x expr }
	arithmetic  struct {
		op   string
		l, r expr
	}
	caseOf struct {
		operand expr // nil: searched
		whens   []when
		orElse  expr // nil: NULL
	}
	castTo struct {
		x  expr
		to sqltype.Type
	}
	call struct {
		name     string // upper case; @@VERSION and its like too
		args     []expr
		star     bool // COUNT(*)
		distinct bool
		part     string // of DATEPART, upper case
	}
	scalarQuery struct{ query *Select }

	comparison struct {
		op   string
		l, r expr
	}
	logic struct {
		op    string // AND OR
		terms []expr
	}
	negation struct{ x expr }
	between  struct {
		x, low, high expr
		not          bool
	}
	inList struct {
		x     expr
		list  []expr
		query *Select // instead of list
		not   bool
	}
	exists struct{ query *Select }
	isNull struct {
		x   expr
		not bool
	}
)

type when struct{ when, then expr }

func isCondition(e expr) bool {
	switch e.(type) {
	case *comparison, *logic, *negation, *between, *inList, *exists, *isNull:
		return true
	}
	return false
}

// core is one SELECT without ORDER BY.
type core struct {
	distinct bool
	top      expr
	items    []selectItem
	from     []source // from[0] and what is joined to it, in order
	where    expr
	group    []expr
	having   expr
}

type selectItem struct {
	star  bool
	table columnRef // of x.*: schema and table
	value expr
	alias string
}

// source is one table, view or derived table of a FROM.
type source struct {
	join  string // "", INNER JOIN, LEFT JOIN or CROSS JOIN
	name  Name
	query *Select // of a derived table
	alias string
	names []string // columns of a derived table, where listed
	on    expr
}

type orderItem struct {
	value expr
	desc  bool
}
