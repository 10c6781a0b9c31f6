#!/usr/bin/env escript
%% check.erl URL REQUEST CA LEAF - "valid", or what public_key:pkix_ocsp_validate/5 says.
main([Url, File, CaFile, LeafFile]) ->
    {ok, _} = application:ensure_all_started(inets),
    {ok, Request} = file:read_file(File),
    {ok, {{_, 200, _}, _, Answer}} =
        httpc:request(post, {Url, [], "application/ocsp-request", Request}, [], [{body_format, binary}]),
    Result = (catch public_key:pkix_ocsp_validate(read(LeafFile), read(CaFile), Answer, [], undefined)),
    io:format("~p~n", [Result]).

read(File) ->
    {ok, Text} = file:read_file(File),
    [{'Certificate', Der, _} | _] = public_key:pem_decode(Text),
    Der.
