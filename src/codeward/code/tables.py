"""The table of each language."""

from codeward.code._table import Language, Wrapper, words

_C_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Alignas
    _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local asm typeof alignas
    alignof bool constexpr false nullptr static_assert thread_local true NULL offsetof
"""

_C_CONTEXTUAL = """
    NULL alignas alignof asm bool constexpr false inline nullptr offsetof restrict static_assert thread_local true
    typeof
"""

_CPP_WORDS = """
    and and_eq bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield compl concept const_cast
    consteval constinit decltype delete dynamic_cast explicit export final friend import module mutable namespace new
    noexcept not not_eq operator or or_eq override private protected public reinterpret_cast requires static_cast
    template this throw try typeid typename using virtual wchar_t xor xor_eq
"""

_C_BLOCKS = words(
    "compound_statement translation_unit case_statement preproc_if preproc_ifdef preproc_else preproc_elif "
    "preproc_elifdef declaration_list"
)

_C_CONSTANTS = frozenset(
    {
        ("array_declarator", "size"),
        ("abstract_array_declarator", "size"),
        ("case_statement", "value"),
        ("enumerator", "value"),
        ("preproc_if", "condition"),
        ("preproc_elif", "condition"),
        ("bitfield_clause", ""),
        ("subscript_designator", ""),
        ("subscript_range_designator", ""),
        ("attribute_specifier", ""),
        ("attribute_declaration", ""),
        ("alignas_qualifier", ""),
        ("gnu_asm_expression", ""),
    }
)

C = Language(
    name="c",
    extensions=(".c", ".h"),
    keywords=words(_C_WORDS),
    contextual=words(_C_CONTEXTUAL),
    name_characters="$",
    special=words("main"),
    wrappers=(Wrapper("void ", is_head=True),),
    line_comment="//",
    comments=words("comment"),
    strings=words("string_literal char_literal system_lib_string"),
    functions=words("function_definition"),
    bodies=words("compound_statement"),
    blocks=_C_BLOCKS,
    statements=words("declaration type_definition"),
    not_statements=words("case_statement"),
    integers=words("number_literal"),
    fixed_constants=_C_CONSTANTS,
)

CPP = Language(
    name="cpp",
    extensions=(".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++"),
    keywords=words(_C_WORDS + _CPP_WORDS),
    contextual=words("NULL offsetof asm typeof restrict final override import module"),
    name_characters="$",
    special=words("main"),
    special_methods=words("begin end swap"),
    wrappers=(Wrapper("void ", is_head=True), Wrapper("class X{", "};")),
    line_comment="//",
    comments=words("comment"),
    strings=words("string_literal char_literal raw_string_literal system_lib_string"),
    functions=words("function_definition"),
    anonymous_functions=words("lambda_expression"),
    bodies=words("compound_statement"),
    blocks=_C_BLOCKS,
    statements=words(
        "template_declaration declaration type_definition alias_declaration using_declaration static_assert_declaration "
        "for_range_loop"
    ),
    not_statements=words("case_statement init_statement"),
    wrapping=words("template_declaration init_statement"),
    integers=words("number_literal"),
    fixed_constants=_C_CONSTANTS
    | {
        ("template_argument_list", ""),
        ("template_parameter_list", ""),
        ("user_defined_literal", ""),
        ("static_assert_declaration", ""),
        ("field_declaration", "default_value"),
    },
)

JAVA = Language(
    name="java",
    extensions=(".java",),
    strict_ends=True,
    keywords=words(
        """
        abstract assert boolean break byte case catch char class const continue default do double else enum extends
        final finally float for goto if implements import instanceof int interface long native new package private
        protected public return short static strictfp super switch synchronized this throw throws transient try void
        volatile while _ true false null var record yield sealed permits when
        """
    ),
    contextual=words("record var yield sealed permits when _"),
    name_characters="$",
    special=words("main equals hashCode toString clone finalize readObject writeObject readResolve writeReplace"),
    wrappers=(Wrapper("class X{", "}"), Wrapper("class X{void x(){", "}}")),
    line_comment="//",
    comments=words("line_comment block_comment"),
    strings=words("string_literal character_literal"),
    functions=words("method_declaration constructor_declaration compact_constructor_declaration"),
    anonymous_functions=words("lambda_expression"),
    bodies=words("block constructor_body"),
    blocks=words("block constructor_body program switch_block_statement_group"),
    statements=words(
        "local_variable_declaration switch_expression class_declaration record_declaration interface_declaration "
        "enum_declaration explicit_constructor_invocation"
    ),
    prologue=words("explicit_constructor_invocation"),
    integers=words("decimal_integer_literal hex_integer_literal octal_integer_literal binary_integer_literal"),
    fixed_constants=frozenset({("switch_label", ""), ("annotation", ""), ("annotation_type_element_declaration", "")}),
)

PYTHON = Language(
    name="python",
    extensions=(".py", ".pyi", ".pyw"),
    keywords=words(
        """
        False None True and as assert async await break class continue def del elif else except finally for from global
        if import in is lambda nonlocal not or pass raise return try while with yield print exec
        """
    ),
    contextual=words("print exec"),
    folds_names=True,
    wrappers=(Wrapper("if 1:\n"),),
    line_comment="#",
    separator="; ",
    semicolon_between=True,
    indented=True,
    comments=words("comment"),
    strings=words("string"),
    functions=words("function_definition"),
    bodies=words("block"),
    blocks=words("block module"),
    statements=words("function_definition class_definition decorated_definition"),
    wrapping=words("decorated_definition"),
    string_prologue=True,
    integers=words("integer"),
    fixed_constants=frozenset({("case_pattern", ""), ("type", ""), ("format_specifier", "")}),
    empty_statement="pass",
)

JAVASCRIPT = Language(
    name="javascript",
    extensions=(".js", ".mjs", ".cjs", ".jsx"),
    keywords=words(
        """
        arguments await break case catch class const continue debugger default delete do else enum eval export extends
        false finally for function if implements import in instanceof interface let new null package private protected
        public return static super switch this throw true try typeof undefined var void while with yield async of get
        set
        """
    ),
    contextual=words(
        "arguments async await eval get implements interface let of package private protected public set static "
        "undefined yield"
    ),
    name_characters="$",
    special_methods=words("constructor toString valueOf toJSON then handleEvent next return throw"),
    asi="([`+-/*,.",
    wrappers=(
        Wrapper("(", ")"),
        Wrapper("class X{", "}"),
        Wrapper("({", "})"),
        Wrapper("async function x(){", "}"),
    ),
    line_comment="//",
    separator="; ",
    closers=(";", "}"),
    comments=words("comment html_comment"),
    strings=words("string template_string regex jsx_text"),
    functions=words("function_declaration generator_function_declaration method_definition"),
    anonymous_functions=words("function_expression generator_function arrow_function"),
    bodies=words("statement_block"),
    blocks=words("statement_block program switch_case switch_default"),
    statements=words(
        "lexical_declaration variable_declaration function_declaration generator_function_declaration class_declaration"
    ),
    wrapping=words("export_statement"),
    string_prologue=True,
    integers=words("number"),
    fixed_constants=frozenset(
        {("switch_case", "value"), ("pair", "key"), ("pair_pattern", "key"), ("method_definition", "name")}
        | {("field_definition", "property")}
    ),
)

GO = Language(
    name="go",
    extensions=(".go",),
    strict_ends=True,
    keywords=words(
        """
        break case chan const continue default defer else fallthrough for func go goto if import interface map package
        range return select struct switch type var nil true false iota _
        """
    ),
    contextual=words("nil true false iota _"),
    special=words("main init"),
    special_methods=words(
        "Error String GoString Unwrap Len Less Swap ServeHTTP Read Write Close MarshalJSON UnmarshalJSON MarshalText "
        "UnmarshalText"
    ),
    wrappers=(Wrapper("func x(){", "\n}"), Wrapper("func x(){_ = ", "\n}")),
    line_comment="//",
    separator="; ",
    semicolon_between=True,
    closers=(";",),
    comments=words("comment"),
    strings=words("interpreted_string_literal raw_string_literal rune_literal"),
    functions=words("function_declaration method_declaration"),
    anonymous_functions=words("func_literal"),
    bodies=words("block"),
    blocks=words("block statement_list source_file"),
    transparent=words("statement_list"),
    statements=words("short_var_declaration var_declaration const_declaration type_declaration"),
    integers=words("int_literal"),
    fixed_constants=frozenset({("array_type", "length"), ("expression_case", "value")}),
    empty_statement="{}",
)

ALL = (C, CPP, JAVA, PYTHON, JAVASCRIPT, GO)
