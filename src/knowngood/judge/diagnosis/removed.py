"""List what each Python removed from its standard library. Written by .ci/removed_names.py: do not edit."""

REMOVED = """
3.7: -: asyncio.compat asyncio.test_utils macurl2path argparse: _ensure_value ast: _NUM_TYPES asyncio:
BaseEventLoop._call_soon(+context) async asyncio.base_events: BaseEventLoop._call_soon(+context) Server(+backlog)
Server(+protocol_factory) Server(+ssl_context) Server(+ssl_handshake_timeout) _FATAL_ERROR_IGNORE _ensure_resolved
_is_dgram_socket _is_stream_socket coroutine asyncio.base_subprocess: coroutine asyncio.coroutines: _YIELD_FROM
_YIELD_FROM_BUG debug_wrapper asyncio.events: _format_args_and_kwargs _format_callback _format_callback_source
_get_function_source extract_stack asyncio.futures: _TracebackLogger asyncio.proactor_events:
_ProactorBaseWritePipeTransport(extra) _ProactorBaseWritePipeTransport(loop) _ProactorBaseWritePipeTransport(protocol)
_ProactorBaseWritePipeTransport(server) _ProactorBaseWritePipeTransport(sock) _ProactorBaseWritePipeTransport(waiter)
asyncio.queues: coroutine asyncio.selector_events: _SelectorSslTransport coroutine asyncio.sslproto:
_is_sslproto_available asyncio.streams: coroutine asyncio.subprocess: coroutine asyncio.tasks: async
asyncio.unix_events: _set_nonblocking coroutine binascii: b2a_base64(data) builtins: enumerate(+iterable) collections:
AsyncGenerator AsyncIterable AsyncIterator Awaitable ByteString Callable Collection Container Coroutine Generator
Hashable ItemsView Iterable Iterator KeysView Mapping MappingView MutableMapping MutableSequence MutableSet Reversible
Sequence Set Sized ValuesView _class_template _field_template _repr_template namedtuple(verbose) concurrent.futures:
ProcessPoolExecutor ThreadPoolExecutor concurrent.futures.process: _process_worker(+initargs)
_process_worker(+initializer) _shutdown concurrent.futures.thread: _worker(+initargs) _worker(+initializer) dbm.dumb:
_Database._update(+flag) dis: _disassemble_str(file) email._header_value_parser: _non_atom_end_matcher(pattern)
_non_attribute_end_matcher(pattern) _non_extended_attribute_end_matcher(pattern) _non_printable_finder(source)
_non_token_end_matcher(pattern) _wsp_splitter(source) email.utils: ecre enum: Enum.name Enum.value functools:
partialmethod(func) gettext: ENOENT gzip: GzipFile._write_gzip_header(+compresslevel) hashlib: _trans_36 _trans_5C
http.client: _is_illegal_header_value(pattern) _is_legal_header_name(pattern) http.cookies: _is_legal_key(pattern)
_warn_deprecated_setter http.server: CGIHTTPRequestHandler(client_address) CGIHTTPRequestHandler(request)
CGIHTTPRequestHandler(server) SimpleHTTPRequestHandler(client_address) SimpleHTTPRequestHandler(request)
SimpleHTTPRequestHandler(server) importlib.util: _LazyModule(+name) multiprocessing.forkserver: UNSIGNED_STRUCT
_serve_one(+child_r) _serve_one(+fds) _serve_one(+unused_fds) _serve_one(alive_r) _serve_one(listener) _serve_one(s)
read_unsigned write_unsigned multiprocessing.managers: DictProxy.has_key ntpath: splitunc os: _fwalk(+isbytes) plistlib:
Dict Plist _InternalDict posix: stat_float_times re: RegexFlag.A RegexFlag.I RegexFlag.L RegexFlag.M RegexFlag.S
RegexFlag.T RegexFlag.U RegexFlag.X _alphanum_bytes _alphanum_str shlex: _find_unsafe(pattern) signal: Signals.SIGCLD
Signals.SIGIOT Signals.SIGPOLL socket: AddressFamily.AF_ROUTE sre_constants: RANGE_IGNORE error sre_parse:
_parse_sub_cond ssl: Options.OP_SINGLE_DH_USE Options.OP_SINGLE_ECDH_USE SSLObject(owner) SSLObject(session)
SSLObject(sslobj) SSLSocket(_context) SSLSocket(_session) SSLSocket(ca_certs) SSLSocket(cert_reqs) SSLSocket(certfile)
SSLSocket(ciphers) SSLSocket(do_handshake_on_connect) SSLSocket(family) SSLSocket(fileno) SSLSocket(keyfile)
SSLSocket(npn_protocols) SSLSocket(proto) SSLSocket(server_hostname) SSLSocket(server_side) SSLSocket(sock)
SSLSocket(ssl_version) SSLSocket(suppress_ragged_eofs) SSLSocket(type) _SSLContext.set_servername_callback
_SSLMethod.PROTOCOL_SSLv23 _dnsname_match(max_wildcards) _ipaddress_match(+cert_ipaddress) _ipaddress_match(ipname)
subprocess: Popen._check_timeout(+stderr_seq) Popen._check_timeout(+stdout_seq) _PLATFORM_DEFAULT_CLOSE_FDS threading:
_pickSomeNonDaemonThread token: ASYNC AWAIT tokenize: ASYNC AWAIT trace: _settrace _unsettrace types: _ag typing:
CallableMeta GenericMeta NamedTuple(fields) NamedTuple(typename) TupleMeta TypingMeta _Any _ClassVar _FinalTypingBase
_ForwardRef _NoReturn _Optional _PY36 _ProtocolMeta(args) _ProtocolMeta(bases) _ProtocolMeta(extra) _ProtocolMeta(name)
_ProtocolMeta(namespace) _ProtocolMeta(orig_bases) _ProtocolMeta(origin) _ProtocolMeta(tvars) _TypeAlias _TypingBase
_Union _generic_new _get_type_vars _make_subclasshook _next_in_mro _no_slots_copy _qualname _replace_arg _subs_tree
_trim_name _type_vars unittest.mock: MethodWrapperTypes _iterate_read_data _setup_func(+sig) unittest.util:
_ordered_count uuid: _unixdll_getnode lib libname weakref: finalize(func) finalize(obj) webbrowser:
_synthesize(update_tryorder) register(update_tryorder) xml.dom.minidom: DocumentLS.async xml.dom.xmlbuilder:
DocumentLS.async zipfile: ZipExtFile(decrypter) _ZipDecrypter.crctable 3.8: -: _sysconfigdata_m_linux_x86_64-linux-gnu
macpath multiprocessing.semaphore_tracker asyncio.base_futures: InvalidStateError asyncio.events:
SendfileNotAvailableError asyncio.futures: InvalidStateError asyncio.locks: coroutine asyncio.selector_events:
BaseSelectorEventLoop._sock_sendall(+pos) BaseSelectorEventLoop._sock_sendall(+view) asyncio.streams:
IncompleteReadError LimitOverrunError asyncio.tasks: coroutine calendar: monthlen nextmonth prevmonth codecs:
unicode_internal_decode unicode_internal_encode collections: _nt_itemgetters ctypes: _CFuncPtr.variadic dataclasses:
InitVar(+type) dataclass(_cls) difflib: _count_leading enum: Enum.name Enum.value fileinput: FileInput(bufsize)
input(bufsize) gzip: _test http.client: MAXAMOUNT importlib.resources: _ZipImportResourceReader
_zipimport_get_resource_reader inspect: _get_paramkind_descr _getfullargs isasyncgenfunction(+obj)
isasyncgenfunction(object) iscoroutinefunction(+obj) iscoroutinefunction(object) isgeneratorfunction(+obj)
isgeneratorfunction(object) ipaddress: _BaseNetwork(address) itertools: accumulate(+iterable) combinations(+iterable)
combinations(+r) combinations_with_replacement(+iterable) combinations_with_replacement(+r) compress(+data)
compress(+selectors) groupby(+iterable) permutations(+iterable) json: loads(encoding) keyword: main
multiprocessing.pool: ApplyResult(+pool) ApplyResult(cache) AsyncResult(+pool) AsyncResult(cache) IMapIterator(+pool)
IMapIterator(cache) IMapUnorderedIterator(+pool) IMapUnorderedIterator(cache) MapResult(+pool) MapResult(cache)
multiprocessing.spawn: _main(+parent_sentinel) ntpath: _getfinalpathname platform: DEV_NULL _UNIXCONFDIR
_dist_try_harder _linux_distribution _lsb_release_version _parse_release_file _release_filename _release_version
_supported_dists dist linux_distribution popen re: RegexFlag.A RegexFlag.I RegexFlag.L RegexFlag.M RegexFlag.S
RegexFlag.T RegexFlag.U RegexFlag.X signal: Signals.SIGCLD Signals.SIGIOT Signals.SIGPOLL socket: AddressFamily.AF_ROUTE
sqlite3: Cache Statement sqlite3.dbapi2: Cache Statement sre_parse: Pattern ssl: Options.OP_SINGLE_DH_USE
Options.OP_SINGLE_ECDH_USE _SSLMethod.PROTOCOL_SSLv23 statistics: _counts sys: get_coroutine_wrapper
set_coroutine_wrapper tarfile: _Stream.read(+size) filemode time: clock token: _main tokenize: Bracket Operator typing:
_Protocol unittest.mock: BaseExceptions _copy _get_class _is_started urllib.request: splitattr splithost splitpasswd
splitport splitquery splittag splittype splituser splitvalue to_bytes uuid: _NODE_GETTERS_UNIX _NODE_GETTERS_WIN32
xml.etree.ElementTree: XMLParser.doctype _sentinel xml.etree.cElementTree: XMLParser.doctype zipimport:
zipimporter(+path) zipimporter.archive zipimporter.prefix 3.9: -: _dummy_thread dummy_threading array:
ArrayType.fromstring ArrayType.tostring array.fromstring array.tostring ast: Index(+value) asyncio: Task.all_tasks
Task.current_task asyncio.locks: _ContextManager asyncio.selector_events: _check_ssl_socket asyncio.tasks:
Task.all_tasks Task.current_task _CTask.all_tasks _CTask.current_task _PyTask.all_tasks _PyTask.current_task base64:
decodestring encodestring bz2: BZ2File(buffering) _sentinel compileall: _compile_file_tuple _walk_dir(ddir)
concurrent.futures.process: _SafeQueue(+shutdown_lock) _SafeQueue(+thread_wakeup) _add_call_item_to_queue
_queue_management_worker dataclasses: _InitVarMeta enum: Enum.name Enum.value _power_of_two fractions: _gcd gcd ftplib:
FTP.encoding html.parser: HTMLParser.unescape imaplib: IMAP4._create_socket(+timeout) IMAP4_SSL._create_socket(+timeout)
inspect: _ParameterKind.description multiprocessing.forkserver: SIGNED_STRUCT os: _Environ(putenv) _Environ(unsetenv)
pickle: _loads(s) loads(data) platform: _syscmd_uname uname_result(processor) plistlib: Data
_BinaryPlistParser(use_builtin_types) _PlistParser(use_builtin_types) _PlistWriter.write_data _maybe_open
load(use_builtin_types) loads(use_builtin_types) readPlist readPlistFromBytes writePlist writePlistToBytes re:
RegexFlag.A RegexFlag.I RegexFlag.L RegexFlag.M RegexFlag.S RegexFlag.T RegexFlag.U RegexFlag.X select: epoll(flags)
epoll(sizehint) signal: Signals.SIGCLD Signals.SIGIOT Signals.SIGPOLL socket: AddressFamily.AF_ROUTE _realsocket ssl:
Options.OP_SINGLE_DH_USE Options.OP_SINGLE_ECDH_USE _SSLMethod.PROTOCOL_SSLv23 string: _TemplateMetaclass subprocess:
Popen._execute_child(+gid) Popen._execute_child(+gids) Popen._execute_child(+uid) Popen._execute_child(+umask) symtable:
SymbolTable.has_exec sys: callstats getcheckinterval setcheckinterval tempfile: SpooledTemporaryFile.softspace
threading: Thread.isAlive typing: _GenericAlias(special) _SpecialForm(+getitem) _VariadicGenericAlias _alias(+nparams)
_alias(params) _check_fails _dict_new _make_nmtuple(+module) _no_init _normalize_alias _subs_tvars _tp_cache(func)
_typeddict_new unittest: IsolatedAsyncioTestCase unittest.case: _AssertLogsContext _CapturingHandler _LoggingWatcher
urllib.parse: _remove_unsafe_bytes_from_url uuid: _find_mac _popen wave: openfp xml.etree.ElementTree:
Element.getchildren Element.getiterator ElementTree.getiterator _Element_Py.getchildren _Element_Py.getiterator
xml.etree.cElementTree: Element.getchildren Element.getiterator ElementTree.getiterator zipfile: _EXTRA_FIELD_STRUCT
3.10: -: _bootlocale _peg_parser formatter parser symbol ast: FormattedValue.conversion _Precedence.BOR _Precedence.next
asyncio: _all_tasks_compat as_completed(loop) create_subprocess_exec(loop) create_subprocess_shell(loop) gather(loop)
open_connection(loop) open_unix_connection(loop) shield(loop) sleep(loop) start_server(loop) start_unix_server(loop)
wait(loop) wait_for(loop) asyncio.events: _lock asyncio.proactor_events:
_ProactorReadPipeTransport._data_received(+length) asyncio.streams: open_connection(loop) open_unix_connection(loop)
sleep(loop) start_server(loop) start_unix_server(loop) asyncio.subprocess: create_subprocess_exec(loop)
create_subprocess_shell(loop) asyncio.tasks: _all_tasks_compat _gather as_completed(loop) gather(loop) shield(loop)
sleep(loop) wait(loop) wait_for(loop) asyncio.unix_events: _compute_returncode concurrent.futures.thread:
_global_shutdown_lock ctypes.macholib.dylib: DYLIB_RE ctypes.macholib.framework: STRICT_FRAMEWORK_RE dataclasses:
Field(+kw_only) _MODULE_IDENTIFIER_RE _field_init(+slots) _get_field(+default_kw_only) _init_fn(+kw_only_fields)
_init_fn(+slots) _init_fn(+std_fields) _process_class(+kw_only) _process_class(+match_args) _process_class(+slots)
email._encoded_words: _q_byte_subber email._header_value_parser: rfc2047_matcher email.feedparser: NLCRE NLCRE_bol
NLCRE_crack NLCRE_eol headerRE email.generator: NLCRE fcre email.header: _embedded_header ecre fcre email.message:
tspecials email.policy: linesep_splitter email.utils: escapesre rfc2231_continuation specialsre enum: Enum.name
Enum.value faulthandler: _fatal_error fractions: _RATIONAL_FORMAT gettext: _token_pattern glob: _glob0(+dir_fd)
_glob1(+dir_fd) _glob2(+dir_fd) _iglob(+dir_fd) _iglob(+root_dir) _iterdir(+dir_fd) _listdir(+dir_fd) _rlistdir(+dir_fd)
magic_check magic_check_bytes hmac: HMAC.digest_cons HMAC.inner HMAC.outer _openssl_md_meths html: _charref html.parser:
attrfind_tolerant charref commentclose endendtag endtagfind entityref incomplete interesting_normal
locatestarttagend_tolerant piclose starttagopen tagfind_tolerant http.client: MAXAMOUNT
_contains_disallowed_method_pchar_re _contains_disallowed_url_pchar_re http.cookiejar: ESCAPED_CHAR_RE HEADER_ESCAPE_RE
HEADER_JOIN_ESCAPE_RE HEADER_QUOTED_VALUE_RE HEADER_TOKEN_RE HEADER_VALUE_RE IPV4_RE ISO_DATE_RE LOOSE_HTTP_DATE_RE
MozillaCookieJar.header STRICT_DATE_RE TIMEZONE_RE WEEKDAY_RE cut_port_re http.cookies: _CookiePattern _OctalPatt
_QuotePatt imaplib: Continuation Flags IMAP4._dump_ur(+untagged_resp_dict) InternalDate Literal MapCRLF Response_code
Untagged_response Untagged_status importlib.metadata: FastPath.is_egg Prepared.exact_matches Prepared.prefix
Prepared.suffixes Prepared.versionless_egg_name importlib.resources: _check_location _get_package _get_resource_reader
_normalize_path _resolve import_module inspect: _ParameterKind.description io: OpenWrapper json.decoder: STRINGCHUNK
WHITESPACE json.encoder: ESCAPE ESCAPE_ASCII HAS_UTF8 json.scanner: NUMBER_RE locale: _percent_re logging:
StringTemplateStyle(fmt) _lock logging.config: IDENTIFIER multiprocessing.context: _tls multiprocessing.managers:
Server.handle_request(+conn) pathlib: nt supports_symlinks platform: _component_re _ironpython26_sys_version_parser
_ironpython_sys_version_parser _libc_search _pypy_sys_version_parser _sys_version_parser _ver_output plistlib:
_controlCharPat _dateParser posix: sched_param(+sched_priority) pprint: _safe_repr re: RegexFlag.A RegexFlag.I
RegexFlag.L RegexFlag.M RegexFlag.S RegexFlag.T RegexFlag.U RegexFlag.X sched: Event(+sequence) signal: Signals.SIGCLD
Signals.SIGIOT Signals.SIGPOLL smtplib: OLDSTYLE_AUTH socket: AddressFamily.AF_ROUTE timeout ssl:
Options.OP_SINGLE_DH_USE Options.OP_SINGLE_ECDH_USE _SSLMethod.PROTOCOL_SSLv23 statistics: _sum(start) stringprep:
unicodedata sysconfig: _get_default_scheme tempfile: _once_lock textwrap: _leading_whitespace_re _whitespace_only_re
threading: _active_limbo_lock _newname(+name_template) _newname(template) _shutdown_locks_lock tokenize: blank_re
cookie_re traceback: format_exception(etype) format_exception_only(etype) print_exception(etype) typing:
_PROTO_WHITELIST _allow_reckless_class_cheks unicodedata: ucnhash_CAPI unittest._log: _AssertLogsContext(+no_logs)
unittest.loader: VALID_MODULE_NAME urllib.parse: _asciire urllib.request: _cut_port_re webbrowser: _lock
wsgiref.headers: tspecials wsgiref.validate: bad_header_value_re header_re xml.etree.ElementPath: xpath_tokenizer_re
xxlimited: Null error roj zipimport: _ZipImportResourceReader 3.11: -: binhex importlib._adapters importlib._common abc:
ABCMeta(bases) ABCMeta(name) ABCMeta(namespace) ast: _Precedence.BOR _Precedence.next _Unparser.buffer
_Unparser.buffer_writer asyncio: BoundedSemaphore(loop) Condition(loop) Event(loop) LifoQueue(loop) Lock(loop)
PriorityQueue(loop) Queue(loop) Semaphore(loop) TimeoutError coroutine asyncio.base_events: _unset asyncio.base_futures:
_repr_running asyncio.coroutines: CoroWrapper _DEBUG coroutine asyncio.exceptions: TimeoutError asyncio.locks:
BoundedSemaphore(loop) Condition(loop) Event(loop) Lock(loop) Semaphore(loop) asyncio.mixins: _LoopBoundMixin(loop)
_marker asyncio.queues: LifoQueue(loop) PriorityQueue(loop) Queue(loop) asyncio.sslproto:
SSLProtocol._write_appdata(+list_of_data) SSLProtocol.data_received _DO_HANDSHAKE _SHUTDOWN _SSLPipe _UNWRAPPED _WRAPPED
asyncio.trsock: TransportSocket.accept TransportSocket.bind TransportSocket.close TransportSocket.connect
TransportSocket.connect_ex TransportSocket.detach TransportSocket.ioctl TransportSocket.listen TransportSocket.makefile
TransportSocket.recv TransportSocket.recv_into TransportSocket.recvfrom TransportSocket.recvfrom_into
TransportSocket.recvmsg TransportSocket.recvmsg_into TransportSocket.send TransportSocket.sendall
TransportSocket.sendfile TransportSocket.sendmsg TransportSocket.sendmsg_afalg TransportSocket.sendto
TransportSocket.set_inheritable TransportSocket.share binascii: a2b_hqx b2a_hqx rlecode_hqx rledecode_hqx
concurrent.futures: TimeoutError concurrent.futures._base: TimeoutError ctypes.macholib.dyld: test_dyld_find
ctypes.macholib.dylib: test_dylib_info ctypes.macholib.framework: test_framework_info dataclasses:
_add_slots(+weakref_slot) _process_class(+weakref_slot) dis: _disassemble_bytes(cells) _disassemble_bytes(constants)
_disassemble_bytes(varnames) _get_const_info(+arg) _get_const_info(+co_consts) _get_const_info(+op)
_get_const_info(const_index) _get_const_info(const_list) _get_instructions_bytes(cells)
_get_instructions_bytes(constants) _get_instructions_bytes(varnames) _get_name_info(+get_name) _get_name_info(name_list)
_test email.contentmanager: maintype subtype email.mime.audio: _sndhdr_MIMEmap _whatsnd email.quoprimime: c enum:
Enum.name Enum.value _decompose _make_class_unpicklable(+obj) _make_class_unpicklable(cls) _reduce_ex_by_name auto.value
fnmatch: _nextgroupnum functools: _ge_from_gt(NotImplemented) _ge_from_le(NotImplemented) _ge_from_lt(NotImplemented)
_gt_from_ge(NotImplemented) _gt_from_le(NotImplemented) _gt_from_lt(NotImplemented) _le_from_ge(NotImplemented)
_le_from_gt(NotImplemented) _le_from_lt(NotImplemented) _lt_from_ge(NotImplemented) _lt_from_gt(NotImplemented)
_lt_from_le(NotImplemented) gettext: Catalog(codeset) GNUTranslations.lgettext GNUTranslations.lngettext
NullTranslations.lgettext NullTranslations.lngettext NullTranslations.output_charset NullTranslations.set_output_charset
_localecodesets _unspecified bind_textdomain_codeset install(codeset) ldgettext ldngettext lgettext lngettext
translation(codeset) http.cookiejar: month vals_sorted_by_key importlib.readers: remove_duplicates importlib.resources:
ResourceLoader _ _ensure_sequence _path_from_open_resource _path_from_reader _path_from_resource_path inspect: ArgSpec
Signature.from_builtin Signature.from_function _PARAM_NAME_MAPPING _ParameterKind.description _signature_get_bound_param
formatargspec getargspec k mod_dict v json.encoder: i locale: _get_locale_encoding k v modulefinder: EXTENDED_ARG
IMPORT_NAME LOAD_CONST STORE_GLOBAL STORE_NAME STORE_OPS multiprocessing.managers: view_types multiprocessing.process:
name pathlib: EINVAL _Accessor _IGNORED_ERROS _NormalAccessor _normal_accessor pty: _writen re: RegexFlag.A RegexFlag.I
RegexFlag.L RegexFlag.M RegexFlag.S RegexFlag.T RegexFlag.U RegexFlag.X signal: Signals.SIGCLD Signals.SIGIOT
Signals.SIGPOLL socket: AddressFamily.AF_ROUTE CAN_RAW_ERR_FILTER sre_compile: _bytes_to_codes _code _combine_flags
_compile _compile_charset _compile_info _equivalences _generate_overlap_table _get_charset_prefix _get_iscased
_get_literal_prefix _hex_code _ignorecase_fixes _mk_bitmap _optimize_charset _simple compile dis isstring sre_constants:
ANY ANY_ALL ASSERT ASSERT_NOT AT AT_BEGINNING AT_BEGINNING_LINE AT_BEGINNING_STRING AT_BOUNDARY AT_END AT_END_LINE
AT_END_STRING AT_LOC_BOUNDARY AT_LOC_NON_BOUNDARY AT_NON_BOUNDARY AT_UNI_BOUNDARY AT_UNI_NON_BOUNDARY BIGCHARSET BRANCH
CALL CATEGORY CATEGORY_DIGIT CATEGORY_LINEBREAK CATEGORY_LOC_NOT_WORD CATEGORY_LOC_WORD CATEGORY_NOT_DIGIT
CATEGORY_NOT_LINEBREAK CATEGORY_NOT_SPACE CATEGORY_NOT_WORD CATEGORY_SPACE CATEGORY_UNI_DIGIT CATEGORY_UNI_LINEBREAK
CATEGORY_UNI_NOT_DIGIT CATEGORY_UNI_NOT_LINEBREAK CATEGORY_UNI_NOT_SPACE CATEGORY_UNI_NOT_WORD CATEGORY_UNI_SPACE
CATEGORY_UNI_WORD CATEGORY_WORD CHARSET FAILURE GROUPREF GROUPREF_EXISTS GROUPREF_IGNORE GROUPREF_LOC_IGNORE
GROUPREF_UNI_IGNORE IN INFO IN_IGNORE IN_LOC_IGNORE IN_UNI_IGNORE JUMP LITERAL LITERAL_IGNORE LITERAL_LOC_IGNORE
LITERAL_UNI_IGNORE MARK MAXREPEAT MAX_REPEAT MAX_UNTIL MIN_REPEAT MIN_REPEAT_ONE MIN_UNTIL NEGATE NOT_LITERAL
NOT_LITERAL_IGNORE NOT_LITERAL_LOC_IGNORE NOT_LITERAL_UNI_IGNORE RANGE RANGE_UNI_IGNORE REPEAT REPEAT_ONE SUBPATTERN
SUCCESS _NamedIntConstant _makecodes sre_parse: State SubPattern Tokenizer Verbose _class_escape _escape _parse
_parse_flags _parse_sub _uniq expand_template fix_flags parse parse_template ssl: Options.OP_ALL Options.OP_NO_SSLv2
Options.OP_SINGLE_DH_USE Options.OP_SINGLE_ECDH_USE VerifyFlags.VERIFY_CRL_CHECK_CHAIN VerifyFlags.VERIFY_DEFAULT
_SSLMethod.PROTOCOL_SSLv23 statistics: _find_lteq _find_rteq subprocess: Popen._execute_child(+process_group) sys:
_deactivate_opcache sysconfig: _is_python_source_dir textwrap: TextWrapper.uspace TextWrapper.x tokenize: _prefix t u
traceback: _some_str typing: _CallableGenericAlias(+args) _CallableGenericAlias(_typevar_types)
_CallableGenericAlias(params) _ConcatenateGenericAlias(+args) _ConcatenateGenericAlias(_typevar_types)
_ConcatenateGenericAlias(params) _GenericAlias(+args) _GenericAlias(_typevar_types) _GenericAlias(params)
_GenericAlias.copy_with(+args) _LiteralGenericAlias(+args) _LiteralGenericAlias(_typevar_types)
_LiteralGenericAlias(params) _ProtocolMeta(bases) _ProtocolMeta(name) _ProtocolMeta(namespace) _TypeVarLike _TypingEmpty
_UnionGenericAlias(+args) _UnionGenericAlias(_typevar_types) _UnionGenericAlias(params) _collect_type_vars _get_defaults
_prepare_paramspec_params unittest.mock: _dot_lookup _importer urllib.parse: MAX_CACHE_SIZE Quoter _parse_cache
_safe_quoters 3.12: -: _bootsubprocess _sha256 _sha512 asynchat asyncore distutils imp smtpd ast: Bytes Ellipsis
NameConstant Num Str _Precedence(boundary) _Precedence(module) _Precedence(names) _Precedence(qualname)
_Precedence(start) _Precedence(type) _Precedence(value) _Precedence.BOR _Precedence.next _getter _setter asyncio:
PidfdChildWatcher._do_wait(+args) PidfdChildWatcher._do_wait(+callback) PidfdChildWatcher._do_wait(+pidfd)
asyncio.constants: _SendfileMode(boundary) _SendfileMode(module) _SendfileMode(names) _SendfileMode(qualname)
_SendfileMode(start) _SendfileMode(type) _SendfileMode(value) asyncio.events: _c__get_event_loop _get_event_loop
_py__get_event_loop asyncio.locks: _BarrierState(boundary) _BarrierState(module) _BarrierState(names)
_BarrierState(qualname) _BarrierState(start) _BarrierState(type) _BarrierState(value) asyncio.runners: _State(boundary)
_State(module) _State(names) _State(qualname) _State(start) _State(type) _State(value) asyncio.sslproto:
AppProtocolState(boundary) AppProtocolState(module) AppProtocolState(names) AppProtocolState(qualname)
AppProtocolState(start) AppProtocolState(type) AppProtocolState(value) SSLProtocolState(boundary)
SSLProtocolState(module) SSLProtocolState(names) SSLProtocolState(qualname) SSLProtocolState(start)
SSLProtocolState(type) SSLProtocolState(value) asyncio.tasks: _cancel_and_wait(loop) _ensure_future _is_coroutine
_wrap_awaitable asyncio.timeouts: _State(boundary) _State(module) _State(names) _State(qualname) _State(start)
_State(type) _State(value) asyncio.unix_events: PidfdChildWatcher._do_wait(+args) PidfdChildWatcher._do_wait(+callback)
PidfdChildWatcher._do_wait(+pidfd) base64: test calendar: February January configparser: ParsingError(filename)
ParsingError.filename RawConfigParser.readfp SafeConfigParser dataclasses: _DataclassParams(+kw_only)
_DataclassParams(+match_args) _DataclassParams(+slots) _DataclassParams(+weakref_slot) dis: hasnargs email.message:
Policy email.mime.text: Charset enum: Enum(value) Enum.name Enum.value EnumCheck(boundary) EnumCheck(module)
EnumCheck(names) EnumCheck(qualname) EnumCheck(start) EnumCheck(type) EnumCheck(value) Flag(value)
FlagBoundary(boundary) FlagBoundary(module) FlagBoundary(names) FlagBoundary(qualname) FlagBoundary(start)
FlagBoundary(type) FlagBoundary(value) IntEnum(value) IntFlag(value) ReprEnum(value) StrEnum(value) _power_of_two
fractions: Fraction(_normalize) ftplib: FTP_TLS(certfile) FTP_TLS(keyfile) FTP_TLS.ssl_version gzip: GzipFile.filename
http: HTTPMethod(boundary) HTTPMethod(module) HTTPMethod(names) HTTPMethod(qualname) HTTPMethod(start) HTTPMethod(type)
HTTPMethod(value) HTTPStatus(boundary) HTTPStatus(module) HTTPStatus(names) HTTPStatus(qualname) HTTPStatus(start)
HTTPStatus(type) HTTPStatus(value) http.client: HTTPSConnection(cert_file) HTTPSConnection(check_hostname)
HTTPSConnection(key_file) http.server: HTTPStatus(boundary) HTTPStatus(module) HTTPStatus(names) HTTPStatus(qualname)
HTTPStatus(start) HTTPStatus(type) HTTPStatus(value) imaplib: IMAP4_SSL(certfile) IMAP4_SSL(keyfile) importlib:
find_loader importlib._abc: Loader.module_repr importlib._bootstrap: _blocking_on importlib.abc: Finder
Loader.module_repr MetaPathFinder.find_module PathEntryFinder.find_loader PathEntryFinder.find_module ResourceReader
Traversable TraversableResources importlib.metadata: Deprecated DeprecatedList MetaPathFinder.find_module
SelectableGroups importlib.resources: files(package) importlib.resources._common: files(package) get_package
importlib.resources._itertools: _T _U unique_everseen importlib.resources.readers: unique_everseen importlib.util:
Loader.module_repr _module_to_load module_for_loader set_loader set_package inspect: _ParameterKind(boundary)
_ParameterKind(module) _ParameterKind(names) _ParameterKind(qualname) _ParameterKind(start) _ParameterKind(type)
_ParameterKind(value) _is_type locale: format multiprocessing.connection: CHALLENGE FAILURE WELCOME _mmap_counter
multiprocessing.pool: job_counter multiprocessing.process: _process_counter multiprocessing.util: _afterfork_counter
_finalizer_counter ntpath: islink opcode: _specialization_stats hasnargs os: _walk pathlib: Path.link_to _Flavour
_PosixFlavour _PreciseSelector _WindowsFlavour _is_wildcard_pattern _posix_flavour _windows_flavour pickle: PyStringMap
pkgutil: ImpImporter ImpLoader _get_spec _import_imp plistlib: PlistFormat(boundary) PlistFormat(module)
PlistFormat(names) PlistFormat(qualname) PlistFormat(start) PlistFormat(type) PlistFormat(value) poplib:
POP3_SSL(certfile) POP3_SSL(keyfile) posixpath: islink pprint: _perfcheck pstats: SortKey(boundary) SortKey(module)
SortKey(names) SortKey(qualname) SortKey(start) SortKey(type) SortKey(value) py_compile: PycInvalidationMode(boundary)
PycInvalidationMode(module) PycInvalidationMode(names) PycInvalidationMode(qualname) PycInvalidationMode(start)
PycInvalidationMode(type) PycInvalidationMode(value) re: RegexFlag(boundary) RegexFlag(module) RegexFlag(names)
RegexFlag(qualname) RegexFlag(start) RegexFlag(type) RegexFlag(value) RegexFlag.A RegexFlag.I RegexFlag.L RegexFlag.M
RegexFlag.NOFLAG RegexFlag.S RegexFlag.T RegexFlag.U RegexFlag.X _compile_repl _expand _subx re._parser: expand_template
parse_template(+pattern) parse_template(state) shutil: _rmtree_isdir _rmtree_safe_fd(+onexc) _rmtree_safe_fd(onerror)
_rmtree_unsafe(+onexc) _rmtree_unsafe(onerror) signal: Handlers(boundary) Handlers(module) Handlers(names)
Handlers(qualname) Handlers(start) Handlers(type) Handlers(value) Sigmasks(boundary) Sigmasks(module) Sigmasks(names)
Sigmasks(qualname) Sigmasks(start) Sigmasks(type) Sigmasks(value) Signals(boundary) Signals(module) Signals(names)
Signals(qualname) Signals(start) Signals(type) Signals(value) Signals.SIGCLD Signals.SIGIOT Signals.SIGPOLL smtplib:
SMTP_SSL(certfile) SMTP_SSL(keyfile) socket: AddressFamily(boundary) AddressFamily(module) AddressFamily(names)
AddressFamily(qualname) AddressFamily(start) AddressFamily(type) AddressFamily(value) AddressFamily.AF_ROUTE
AddressInfo(boundary) AddressInfo(module) AddressInfo(names) AddressInfo(qualname) AddressInfo(start) AddressInfo(type)
AddressInfo(value) MsgFlag(boundary) MsgFlag(module) MsgFlag(names) MsgFlag(qualname) MsgFlag(start) MsgFlag(type)
MsgFlag(value) SocketKind(boundary) SocketKind(module) SocketKind(names) SocketKind(qualname) SocketKind(start)
SocketKind(type) SocketKind(value) sqlite3: enable_shared_cache version version_info sqlite3.dbapi2: enable_shared_cache
version version_info ssl: AlertDescription(boundary) AlertDescription(module) AlertDescription(names)
AlertDescription(qualname) AlertDescription(start) AlertDescription(type) AlertDescription(value) Options(boundary)
Options(module) Options(names) Options(qualname) Options(start) Options(type) Options(value) Options.OP_ALL
Options.OP_NO_SSLv2 Options.OP_SINGLE_DH_USE Options.OP_SINGLE_ECDH_USE Purpose(boundary) Purpose(module) Purpose(names)
Purpose(qualname) Purpose(start) Purpose(type) Purpose(value) RAND_pseudo_bytes SSLErrorNumber(boundary)
SSLErrorNumber(module) SSLErrorNumber(names) SSLErrorNumber(qualname) SSLErrorNumber(start) SSLErrorNumber(type)
SSLErrorNumber(value) TLSVersion(boundary) TLSVersion(module) TLSVersion(names) TLSVersion(qualname) TLSVersion(start)
TLSVersion(type) TLSVersion(value) VerifyFlags(boundary) VerifyFlags(module) VerifyFlags(names) VerifyFlags(qualname)
VerifyFlags(start) VerifyFlags(type) VerifyFlags(value) VerifyFlags.VERIFY_CRL_CHECK_CHAIN VerifyFlags.VERIFY_DEFAULT
VerifyMode(boundary) VerifyMode(module) VerifyMode(names) VerifyMode(qualname) VerifyMode(start) VerifyMode(type)
VerifyMode(value) _SSLMethod(boundary) _SSLMethod(module) _SSLMethod(names) _SSLMethod(qualname) _SSLMethod(start)
_SSLMethod(type) _SSLMethod(value) _SSLMethod.PROTOCOL_SSLv23 _TLSAlertType(boundary) _TLSAlertType(module)
_TLSAlertType(names) _TLSAlertType(qualname) _TLSAlertType(start) _TLSAlertType(type) _TLSAlertType(value)
_TLSContentType(boundary) _TLSContentType(module) _TLSContentType(names) _TLSContentType(qualname)
_TLSContentType(start) _TLSContentType(type) _TLSContentType(value) _TLSMessageType(boundary) _TLSMessageType(module)
_TLSMessageType(names) _TLSMessageType(qualname) _TLSMessageType(start) _TLSMessageType(type) _TLSMessageType(value)
match_hostname wrap_socket sys: _getquickenedcount stderr stdin stdout sysconfig: pardir tarfile: _FileInFile(+name)
_Stream(+compresslevel) _Stream._init_write_gz(+compresslevel) tempfile: _TemporaryFileCloser.file tokenize: _tokenize
types: _cell_factory typing: ParamSpec(bound) ParamSpec(contravariant) ParamSpec(covariant) ParamSpec(name)
ParamSpecArgs(origin) ParamSpecKwargs(origin) TypeVar(bound) TypeVar(contravariant) TypeVar(covariant) TypeVar(name)
TypeVarTuple(name) _BoundVarianceMixin _CallableGenericAlias(_paramspec_tvars)
_ConcatenateGenericAlias(_paramspec_tvars) _GenericAlias(_paramspec_tvars) _Immutable
_LiteralGenericAlias(_paramspec_tvars) _UnionGenericAlias(_paramspec_tvars) _UnpackGenericAlias(_paramspec_tvars)
_is_callable_members_only _overload_registry unittest: TestCase.assertAlmostEquals TestCase.assertDictContainsSubset
TestCase.assertEquals TestCase.assertNotAlmostEquals TestCase.assertNotEquals TestCase.assertNotRegexpMatches
TestCase.assertRaisesRegexp TestCase.assertRegexpMatches TestCase.assert_ TestCase.failIf TestCase.failIfAlmostEqual
TestCase.failIfEqual TestCase.failUnless TestCase.failUnlessAlmostEqual TestCase.failUnlessEqual
TestCase.failUnlessRaises _TextTestResult load_tests unittest.async_case: TestCase.assertAlmostEquals
TestCase.assertDictContainsSubset TestCase.assertEquals TestCase.assertNotAlmostEquals TestCase.assertNotEquals
TestCase.assertNotRegexpMatches TestCase.assertRaisesRegexp TestCase.assertRegexpMatches TestCase.assert_
TestCase.failIf TestCase.failIfAlmostEqual TestCase.failIfEqual TestCase.failUnless TestCase.failUnlessAlmostEqual
TestCase.failUnlessEqual TestCase.failUnlessRaises unittest.case: TestCase.assertAlmostEquals
TestCase.assertDictContainsSubset TestCase.assertEquals TestCase.assertNotAlmostEquals TestCase.assertNotEquals
TestCase.assertNotRegexpMatches TestCase.assertRaisesRegexp TestCase.assertRegexpMatches TestCase.assert_
TestCase.failIf TestCase.failIfAlmostEqual TestCase.failIfEqual TestCase.failUnless TestCase.failUnlessAlmostEqual
TestCase.failUnlessEqual TestCase.failUnlessRaises unittest.loader: _jython_aware_splitext uuid: SafeUUID(boundary)
SafeUUID(module) SafeUUID(names) SafeUUID(qualname) SafeUUID(start) SafeUUID(type) SafeUUID(value) warnings:
_next_external_frame(+skip_file_prefixes) webbrowser: Galeon Grail Netscape xml.etree.ElementTree: _Element_Py.copy
xml.sax: _key zipfile: CompleteDirs(allowZip64) CompleteDirs(compression) CompleteDirs(compresslevel) CompleteDirs(file)
CompleteDirs(metadata_encoding) CompleteDirs(mode) CompleteDirs(strict_timestamps) FastLookup
ZipInfo._decodeExtra(+filename_crc) _ancestry _dedupe _difference _extract_text_encoding _parents zipimport:
zipimporter.find_loader zipimporter.find_module 3.13: -: _crypt _xxinterpchannels _xxsubinterpreters aifc audioop cgi
cgitb chunk crypt imghdr importlib.resources._legacy lib2to3 mailcap nis nntplib ossaudiodev pipes sndhdr spwd sunau
telnetlib uu xdrlib abc: abstractclassmethod(+callable) abstractstaticmethod(+callable) ast: _Precedence.BOR
_Precedence.next _Unparser(_avoid_backslashes) asyncio: Server._attach(+transport) Server._detach(+transport)
asyncio.base_events: Server._attach(+transport) Server._detach(+transport) asyncio.base_futures: _future_repr(+future)
_future_repr(self) asyncio.base_tasks: _task_repr(+task) _task_repr(self) asyncio.sslproto: SSLProtocol._abort(+exc)
asyncio.tasks: _set_task_name bz2: _MODE_CLOSED codeop: _is_syntax_error concurrent.futures.process: _get_chunks
configparser: LegacyInterpolation ctypes._endian: ARRAY ArgumentError CDLL CFUNCTYPE DEFAULT_MODE LibraryLoader POINTER
PYFUNCTYPE PyDLL RTLD_GLOBAL RTLD_LOCAL SIZEOF_TIME_T SetPointerType addressof alignment byref c_bool c_buffer c_byte
c_char c_char_p c_double c_float c_int c_long c_longdouble c_longlong c_short c_size_t c_ssize_t c_ubyte c_uint c_ulong
c_ulonglong c_ushort c_void_p c_voidp c_wchar c_wchar_p cast cdll create_string_buffer create_unicode_buffer get_errno
memmove memset pointer py_object pydll pythonapi resize set_errno sizeof string_at wstring_at dataclasses: _cmp_fn
_create_fn _frozen_get_del_attr(+func_builder) _frozen_get_del_attr(globals) _hash_add(+func_builder) _hash_add(globals)
_hash_exception(+func_builder) _hash_exception(globals) _hash_fn _hash_set_none(+func_builder) _hash_set_none(globals)
_init_fn(+func_builder) _init_fn(globals) _recursive_repr _repr_fn _set_qualname dis: FORMAT_VALUE
FORMAT_VALUE_CONVERTERS Instruction(+line_number) Instruction(+start_offset) Instruction(is_jump_target) MAKE_FUNCTION
MAKE_FUNCTION_FLAGS _Instruction(+line_number) _Instruction(+start_offset) _Instruction(is_jump_target)
_Instruction.is_jump_target _disassemble_bytes(co_consts) _disassemble_bytes(file) _disassemble_bytes(names)
_disassemble_bytes(show_caches) _disassemble_bytes(varname_from_oparg) _empty_slot _get_instructions_bytes(co_consts)
_get_instructions_bytes(exception_entries) _get_instructions_bytes(names) _get_instructions_bytes(show_caches)
_get_instructions_bytes(varname_from_oparg) _specialized_instructions spec_op specialized doctest:
DocTestRunner._DocTestRunner__record_outcome(+failures) DocTestRunner._DocTestRunner__record_outcome(+skips)
DocTestRunner._DocTestRunner__record_outcome(+tries) email._header_value_parser: _fold_as_ew(+leading_whitespace)
email.mime.audio: _aiff(f) _au(f) _wav(f) email.utils: Charset enum: Enum.name Enum.value gzip:
_create_simple_gzip_header http: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE HTTPStatus.REQUEST_ENTITY_TOO_LARGE
HTTPStatus.REQUEST_URI_TOO_LONG HTTPStatus.UNPROCESSABLE_ENTITY HTTPStatus.is_client_error HTTPStatus.is_informational
HTTPStatus.is_redirection HTTPStatus.is_server_error HTTPStatus.is_success http.server: CGIHTTPRequestHandler(directory)
HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE HTTPStatus.REQUEST_ENTITY_TOO_LARGE HTTPStatus.REQUEST_URI_TOO_LONG
HTTPStatus.UNPROCESSABLE_ENTITY HTTPStatus.is_client_error HTTPStatus.is_informational HTTPStatus.is_redirection
HTTPStatus.is_server_error HTTPStatus.is_success importlib.metadata: DeprecatedTuple SimplePath.joinpath(+other)
importlib.metadata._meta: SimplePath.joinpath(+other) importlib.resources: contents(+anchor) contents(package)
is_resource(+anchor) is_resource(name) is_resource(package) open_binary(+anchor) open_binary(package)
open_binary(resource) open_text(+anchor) open_text(package) open_text(resource) path(+anchor) path(package)
path(resource) read_binary(+anchor) read_binary(package) read_binary(resource) read_text(+anchor) read_text(package)
read_text(resource) importlib.resources._common: wrap_spec inspect: BufferFlags.ANY_CONTIGUOUS BufferFlags.CONTIG
BufferFlags.CONTIG_RO BufferFlags.C_CONTIGUOUS BufferFlags.FULL BufferFlags.FULL_RO BufferFlags.F_CONTIGUOUS
BufferFlags.INDIRECT BufferFlags.RECORDS BufferFlags.RECORDS_RO BufferFlags.SIMPLE BufferFlags.STRIDED
BufferFlags.STRIDED_RO BufferFlags.STRIDES _ClassFinder _is_coroutine_marker _shadowed_dict_from_mro_tuple locale:
resetlocale logging: _acquireLock _releaseLock logging.handlers: ST_DEV ST_INO ST_MTIME lzma: _MODE_CLOSED ntpath:
isdevdrive isjunction lexists opcode: ENABLE_SPECIALIZATION MAX_PSEUDO_OPCODE MIN_PSEUDO_OPCODE _pseudo_ops
_specialized_instructions is_pseudo oplists os: _fwalk(+stack) _fwalk(topfd) _fwalk(toppath) pathlib: EBADF ELOOP ENOENT
ENOTDIR _DoubleRecursiveWildcardSelector _FNMATCH_PREFIX _FNMATCH_SLICE _FNMATCH_SUFFIX _IGNORED_ERRNOS
_IGNORED_WINERRORS _ParentSelector _PathParents _RecursiveWildcardSelector _SWAP_SEP_AND_NEWLINE _Selector
_TerminatingSelector _WINERROR_CANT_RESOLVE_FILENAME _WINERROR_INVALID_NAME _WINERROR_NOT_READY _WIN_RESERVED_NAMES
_WildcardSelector _compile_pattern _compile_pattern_lines _ignore_error _is_case_sensitive _make_selector plistlib:
_date_from_string(+aware_datetime) _date_to_string(+aware_datetime) posixpath: _joinrealpath isjunction lexists normpath
splitroot re: RegexFlag.A RegexFlag.I RegexFlag.L RegexFlag.M RegexFlag.NOFLAG RegexFlag.S RegexFlag.T
RegexFlag.TEMPLATE RegexFlag.U RegexFlag.X T TEMPLATE template re._compiler: SRE_FLAG_TEMPLATE re._constants:
SRE_FLAG_TEMPLATE re._parser: SRE_FLAG_TEMPLATE runpy: _get_code_from_file(run_name) shutil: _rmtree_islink(+st)
_rmtree_islink(path) _rmtree_safe_fd(+stack) _rmtree_safe_fd(path) _rmtree_safe_fd(topfd) signal: Signals.SIGCLD
Signals.SIGIOT Signals.SIGPOLL socket: AddressFamily.AF_ROUTE sre_compile: SRE_FLAG_TEMPLATE sre_constants:
SRE_FLAG_TEMPLATE sre_parse: SRE_FLAG_TEMPLATE ssl: Options.OP_ALL Options.OP_NO_SSLv2 Options.OP_SINGLE_DH_USE
Options.OP_SINGLE_ECDH_USE VerifyFlags.VERIFY_CRL_CHECK_CHAIN VerifyFlags.VERIFY_DEFAULT _SSLMethod.PROTOCOL_SSLv23
subprocess: Popen._posix_spawn(+close_fds) _WNOHANG sysconfig: _findvar1_rx _findvar2_rx _generate_posix_vars _main
_parse_makefile _print_dict _variable_rx tarfile: TarInfo._proc_gnusparse_00(+raw_headers) threading:
_maintain_shutdown_locks _shutdown_locks token: ASYNC AWAIT tokenize: ASYNC AWAIT StopTokenizing traceback:
_Anchors(+left_end_lineno) _Anchors(+right_start_lineno) typing: AsyncContextManager ContextManager
ForwardRef._evaluate(+recursive_guard) Pattern _DeprecatedType _LiteralSpecialForm _PickleUsingNameMixin _check_generic
_collect_parameters _generic_class_getitem(+args) _generic_class_getitem(params) io re unittest: TestProgram.usageExit
findTestCases getTestCaseNames main.usageExit makeSuite unittest.loader: _makeLoader findTestCases getTestCaseNames
makeSuite unittest.main: TestProgram.usageExit main.usageExit urllib.request: urlopen(cadefault) urlopen(cafile)
urlopen(capath) uuid: _has_uuid_generate_time_safe _ipconfig_getnode _load_system_functions _netbios_getnode
_platform_system xml.dom.minidom: _write_data(+attr) _write_data(+text) _write_data(data) zipfile: _strip_extra
zipfile._path: translate zipfile._path.glob: replace translate zoneinfo._tzpath: _parse_python_tzpath(+stacklevel)
"""
"""After a Python and a module (``-`` before modules that are gone): what it no longer has. A name ``x``, a
member ``X.y`` of a class, or a parameter ``f(p)``; a parameter that must be passed since then is ``f(+p)``.
"""

ADDED = {
    "__firstlineno__": (3, 13),
    "__static_attributes__": (3, 13),
}
"""Name -> the first Python that puts it into the namespace of every class."""
