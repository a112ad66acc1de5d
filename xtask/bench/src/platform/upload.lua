-- Each request is the first upload of another id, with a source of 4 KiB that no other has.
local boundary = "bench"
local padding = "# " .. string.rep("-", 4000) .. "\n"
local number = 0

request = function()
  number = number + 1
  local id = prefix .. "-" .. number
  local body = "--" .. boundary .. "\r\nContent-Disposition: form-data; name=\"miner_id\"\r\n\r\n" .. id
    .. "\r\n--" .. boundary
    .. "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"agent.py\"\r\n\r\n"
    .. padding .. "print('" .. id .. "')\n\r\n--" .. boundary .. "--\r\n"
  local headers = { ["Content-Type"] = "multipart/form-data; boundary=" .. boundary }
  return wrk.format("POST", nil, headers, body)
end

init = function(args)
  prefix = args[1]
end
